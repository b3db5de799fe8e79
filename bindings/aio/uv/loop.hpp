#pragma once

/// A `uv_loop_t`, owned or adopted.
///
/// An owned loop is closed by the destructor, which first runs the callbacks of handles that are still
/// closing. An adopted loop belongs to somebody else, who also runs it; the destructor leaves it alone.

#include <cstddef>
#include <memory>
#include <span>

#include <aio/uv/native_loop.hpp>

namespace aio::uv {
namespace detail {
class Inotify;
struct Lingering;
}

/// One libuv event loop. Not thread-safe: only the thread that runs it may touch it.
///
/// Making one ignores SIGPIPE if the program has not given it a handler (see `ignore_sigpipe`): libuv writes
/// to sockets with plain `write`, and a peer that has gone is to be an error of that write, not the end of
/// the process. It opens the null device for standard descriptors that are closed
/// (`open_standard_descriptors`).
class Loop {
public:
    enum class Mode { until_stopped, once, no_wait };

    /// Makes a new loop. Throws `std::system_error` when the system refuses the descriptors it needs.
    Loop();
    /// Adopts a running or idle loop of somebody else, who must keep it alive for as long as this object
    /// lives.
    explicit Loop(NativeLoop* adopted) noexcept;
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Runs the loop (`uv_run`). Returns whether something is still alive in it. Not re-entrant.
    bool run(Mode mode = Mode::until_stopped);
    /// Makes `run` return after the current turn.
    void stop() noexcept;
    /// Whether any handle that counts, or any request, is alive.
    [[nodiscard]] bool alive() const noexcept;
    /// The number of requests under way: jobs, file operations, writes, connections being made.
    [[nodiscard]] std::size_t requests() const noexcept;
    /// The number of handles that may call back, whether they count or not; those that are closing included.
    [[nodiscard]] std::size_t active_handles() const noexcept;
    [[nodiscard]] bool owned() const noexcept { return owned_; }

    /// The libuv loop itself, for what aiouv does not wrap. `NativeLoop` is `uv_loop_t`.
    [[nodiscard]] NativeLoop* native() const noexcept { return loop_; }

    /// Memory that all streams of this loop receive into, `receive_buffer_size` bytes, made on first use.
    /// What it holds is valid until the callback that was given it returns. Throws `std::bad_alloc`.
    [[nodiscard]] std::span<std::byte> receive_buffer();
    static constexpr std::size_t receive_buffer_size = 64 * 1024;

private:
    friend struct detail::Lingering;
    friend detail::Inotify;
    void close_lingering() noexcept;

    NativeLoop* loop_;
    bool owned_;
    /// Handles whose owner has gone and that have something to finish before they close.
    detail::Lingering* lingering_ = nullptr;
    std::unique_ptr<std::byte[]> receive_buffer_;
    /// Watches the file system for this loop's watchers, on Linux, while there are some.
    std::weak_ptr<detail::Inotify> inotify_;
};

/// Sets the size of libuv's process-wide work queue, unless the user chose one with UV_THREADPOOL_SIZE. Has
/// an effect only before the first use of that queue. Returns the size in force.
unsigned configure_work_threads(unsigned preferred) noexcept;

/// How many threads libuv's work queue has: 0 as long as nothing of aiouv has used it.
[[nodiscard]] std::size_t work_threads() noexcept;

/// The number of processors this process may use, at least 1.
unsigned available_parallelism() noexcept;

} // namespace aio::uv
