#include <aio/workers/process_start.hpp>

#include <atomic>
#include <exception>

#include <aio/workers/zygote_posix.hpp>
#include <aio/workers/zygote_reserve_posix.hpp>

namespace aio {
namespace {

constinit std::atomic<bool> pools_announced{false};

} // namespace

void worker_entry() {
    serve_if_zygote();
    detail::prepare_processes();
}

namespace detail {

bool announce_process_pools() noexcept {
    pools_announced = true;
    return true;
}

void prepare_processes() noexcept {
    try {
        serve_if_zygote();
        if (pools_announced) ZygoteReserve::instance().fork_early();
    } catch (const std::exception&) {
        // Nothing is lost: a pool that finds no zygote starts one by executing the program, and reports what
        // fails then.
    }
}

} // namespace detail
} // namespace aio
