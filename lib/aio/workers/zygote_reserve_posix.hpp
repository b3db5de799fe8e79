#pragma once

/// The zygotes of this process that no pool uses at present.

#include <memory>
#include <mutex>
#include <vector>

#include <aio/workers/zygote_client_posix.hpp>

namespace aio::detail {

/// Where pools get their zygote and leave it for the next. Thread-safe.
class ZygoteReserve {
public:
    static ZygoteReserve& instance();

    /// Forks one zygote if none has ever been started and this process has one thread; does nothing
    /// otherwise. Throws `std::system_error`.
    void fork_early();

    /// A zygote of the reserve; else one forked now, if this process has one thread; else one that is this
    /// program executed again, which reports `ZygoteReady` once it serves. Throws `std::system_error`.
    [[nodiscard]] std::unique_ptr<ZygoteClient> take();

    /// Leaves a zygote, whose workers have been told to end, for the next pool. Its events up to then are
    /// that pool's to ignore.
    void give_back(std::unique_ptr<ZygoteClient> zygote);

private:
    ZygoteReserve() = default;
    /// In a forked copy of the process that had them, forgets the zygotes: they are the original's.
    void forget_inherited();
    /// Null if there is none.
    [[nodiscard]] std::unique_ptr<ZygoteClient> take_idle();

    std::mutex mutex_;
    std::vector<std::unique_ptr<ZygoteClient>> idle_;
    int owner_ = -1;
    bool started_ = false;
};

} // namespace aio::detail
