#include <aio/uv/loop.hpp>

#include <atomic>
#include <cstdlib>
#include <string>

#include <uv.h>

#include <aio/uv/descriptor.hpp>
#include <aio/uv/detail/lingering.hpp>
#include <aio/uv/detail/work_queue.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/signal.hpp>

namespace aio::uv {

Loop::Loop() : loop_(new uv_loop_t), owned_(true) {
    ignore_sigpipe();
    open_standard_descriptors();
    const int status = uv_loop_init(loop_);
    if (status < 0) {
        delete loop_;
        throw_error(status, "create an event loop");
    }
}

Loop::Loop(uv_loop_s* adopted) noexcept : loop_(adopted), owned_(false) {
    ignore_sigpipe();
    open_standard_descriptors();
}

Loop::~Loop() {
    close_lingering();
    if (!owned_) return;
    // Whoever made handles on this loop has closed them by now; their close callbacks are still to come. A
    // handle that was made through native() and forgotten is closed here, so that destruction neither hangs
    // nor leaks the loop's descriptors.
    for (int attempt = 0; uv_loop_close(loop_) == UV_EBUSY; ++attempt) {
        if (attempt == 0) {
            uv_run(loop_, UV_RUN_NOWAIT);
            continue;
        }
        uv_walk(
            loop_,
            [](uv_handle_t* handle, void*) {
                if (!uv_is_closing(handle)) uv_close(handle, nullptr);
            },
            nullptr);
        uv_run(loop_, UV_RUN_DEFAULT);
    }
    delete loop_;
}

void Loop::close_lingering() noexcept {
    while (detail::Lingering* block = lingering_) {
        block->stop_lingering();
        block->close_now(*block);
    }
}

std::span<std::byte> Loop::receive_buffer() {
    if (!receive_buffer_) receive_buffer_.reset(new std::byte[receive_buffer_size]);
    return {receive_buffer_.get(), receive_buffer_size};
}

bool Loop::run(Mode mode) {
    switch (mode) {
    case Mode::once: return uv_run(loop_, UV_RUN_ONCE) != 0;
    case Mode::no_wait: return uv_run(loop_, UV_RUN_NOWAIT) != 0;
    case Mode::until_stopped: break;
    }
    return uv_run(loop_, UV_RUN_DEFAULT) != 0;
}

void Loop::stop() noexcept { uv_stop(loop_); }

bool Loop::alive() const noexcept { return uv_loop_alive(loop_) != 0; }

std::size_t Loop::requests() const noexcept { return loop_->active_reqs.count; }

std::size_t Loop::active_handles() const noexcept {
    std::size_t count = 0;
    uv_walk(
        loop_,
        [](uv_handle_t* handle, void* sum) {
            if (uv_is_active(handle) || uv_is_closing(handle)) ++*static_cast<std::size_t*>(sum);
        },
        &count);
    return count;
}

namespace {

constinit std::atomic<bool> work_queue_used{false};

} // namespace

void detail::note_use_of_work_queue() noexcept { work_queue_used.store(true, std::memory_order_relaxed); }

std::size_t work_threads() noexcept {
    // What libuv makes of the variable when it starts its threads, all at once.
    return work_queue_used.load(std::memory_order_relaxed) ? configure_work_threads(4) : 0;
}

unsigned configure_work_threads(unsigned preferred) noexcept {
    const auto clamp = [](long n) { return static_cast<unsigned>(n < 1 ? 1 : n > 1024 ? 1024 : n); };
    static const unsigned size = [&]() noexcept {
        if (const char* chosen = std::getenv("UV_THREADPOOL_SIZE"))
            return clamp(std::strtol(chosen, nullptr, 10));
        const unsigned n = clamp(static_cast<long>(preferred));
#if defined(_WIN32)
        // libuv asks the C runtime, which has a copy of the environment.
        ::_putenv_s("UV_THREADPOOL_SIZE", std::to_string(n).c_str());
#else
        uv_os_setenv("UV_THREADPOOL_SIZE", std::to_string(n).c_str());
#endif
        return n;
    }();
    return size;
}

unsigned available_parallelism() noexcept { return uv_available_parallelism(); }

} // namespace aio::uv
