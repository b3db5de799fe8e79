#pragma once

/// Threads of the library's own pools that have nothing to do. They cannot wake a loop unless somebody gives
/// them a call first, so a loop that looks whether anybody can wake it does not count them.

#include <cstddef>

namespace aio::detail {

/// How many there are, in all pools of the process.
[[nodiscard]] std::size_t parked_threads() noexcept;

/// One pool's share of that number. Not thread-safe: under the pool's own lock.
class ParkedThreads {
public:
    ParkedThreads() = default;
    ParkedThreads(const ParkedThreads&) = delete;
    ParkedThreads& operator=(const ParkedThreads&) = delete;
    ~ParkedThreads() { set(0); }

    void set(std::size_t count) noexcept;

private:
    std::size_t count_ = 0;
};

} // namespace aio::detail
