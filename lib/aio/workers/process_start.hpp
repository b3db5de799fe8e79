#pragma once

/// What must happen early in a process so that pools of processes can be made later, whatever has been
/// started by then.
///
/// Workers are forked from a zygote, and a zygote must be forked while the process has one thread. A program
/// that uses a `ProcessPoolExecutor` anywhere says so while its globals are initialised (the pool's
/// constructor sees to that), and `prepare_processes`, which `run` calls first thing, then forks the zygote:
/// before the loop, before any thread, and without running any code of the program twice. A program without a
/// pool has no zygote.

namespace aio {

/// To be called first in `main` by programs that do something visible before `aio::run`, or do not use it. In
/// a worker's process that was started by executing the program once more, it serves and never returns.
void worker_entry();

namespace detail {

/// Notes that this program makes process pools.
bool announce_process_pools() noexcept;

/// Becomes a zygote if this process was started to be one; otherwise forks one if the program makes pools and
/// has one thread.
void prepare_processes() noexcept;

/// Instantiated by each place that makes a pool: its initialisation comes before `main`.
template <class = void>
struct ProcessPoolUse {
    static inline const bool announced = announce_process_pools();
};

} // namespace detail
} // namespace aio
