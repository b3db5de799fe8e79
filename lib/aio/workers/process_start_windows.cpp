#include <aio/workers/process_start.hpp>

namespace aio {

// There is no fork here, and no process to become a worker in: see worker_launcher_windows.cpp.

void worker_entry() {}

namespace detail {

bool announce_process_pools() noexcept { return true; }

void prepare_processes() noexcept {}

} // namespace detail
} // namespace aio
