#pragma once

/// What the tests of shared buffers share: functions for workers, and what is left in a process.

#include "process_help_posix.hpp"

#include <aio/workers/shared_buffer.hpp>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <numeric>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

namespace buffers {

using aio::SharedBuffer;

inline constexpr std::size_t million = 1'000'000;

inline long sum(const SharedBuffer& numbers) {
    const auto values = numbers.span<int>();
    return std::accumulate(values.begin(), values.end(), 0L);
}
inline void double_all(SharedBuffer numbers) {
    for (int& value : numbers.span<int>()) value *= 2;
}
inline SharedBuffer count_up(int count) {
    SharedBuffer numbers(static_cast<std::size_t>(count) * sizeof(int));
    std::ranges::copy(std::views::iota(0, count), numbers.span<int>().begin());
    return numbers;
}
inline SharedBuffer same(SharedBuffer buffer) { return buffer; }
inline std::string exclaim(std::string text) { return text + '!'; }

/// Kept by a worker from call to call.
inline std::vector<SharedBuffer> kept_buffers;

inline void keep(SharedBuffer buffer) { kept_buffers.push_back(std::move(buffer)); }
inline SharedBuffer make_and_keep(int value) {
    SharedBuffer buffer(million);
    buffer.span<int>()[0] = value;
    kept_buffers.push_back(buffer);
    return buffer;
}
inline void drop_kept() { kept_buffers.clear(); }

/// How much shared memory this process has mapped, in pieces.
inline std::size_t mappings() {
    std::ifstream file("/proc/self/maps");
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);)
        if (line.find("aio-buffer") != std::string::npos) ++count;
    return count;
}

/// What is to be told apart from what other tests leave behind.
class Clean {
public:
    Clean() { SharedBuffer::set_idle_limit(0); }
    ~Clean() { SharedBuffer::set_idle_limit(std::size_t{256} << 20); }
    Clean(const Clean&) = delete;
    Clean& operator=(const Clean&) = delete;
};

} // namespace buffers
