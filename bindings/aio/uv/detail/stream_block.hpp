#pragma once

/// Not installed: the memory behind a stream, with the requests and bytes that libuv uses.

#include <cstddef>
#include <span>
#include <vector>

#include <uv.h>

#include <aio/uv/completion.hpp>
#include <aio/uv/descriptor.hpp>
#include <aio/uv/detail/lingering.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/stream.hpp>

namespace aio::uv::detail {

/// Lives from the handle's initialisation to its close callback, which comes after the callbacks of all
/// requests.
struct StreamBlock final : Lingering {
    union Handle {
        uv_handle_t base;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
        uv_tty_t tty;
    };

    /// Makes a block; `init(handle)` initialises one member of its union. A failed init means there is
    /// nothing to close.
    template <class Init>
    static StreamBlock* create(Loop& loop, const char* what, Init init) {
        static_cast<void>(loop.receive_buffer());
        auto* block = new StreamBlock(loop);
        const int status = init(block->handle);
        if (status < 0) {
            delete block;
            throw_error(status, what);
        }
        block->handle.base.data = block;
        return block;
    }

    static StreamBlock* of(Stream& stream) noexcept { return stream.block_; }
    static StreamBlock& of(void* data) noexcept { return *static_cast<StreamBlock*>(data); }

    int start_reading() noexcept;
    int queue(std::span<const std::byte> data);
    int write(std::span<const std::byte> data, Completion& done) noexcept;
    int shutdown(Completion& done) noexcept;
    [[nodiscard]] EndOfWriting end_of_writing() const noexcept;
    /// libuv reads no more, by what it calls the end or for an error: reads what it has left, and tells the
    /// reader how the stream has ended.
    void reading_ended(int status) noexcept;
    /// Closes at once; the close callback frees the block.
    void close() noexcept;
    /// The same, of a TCP connection, which the peer sees reset.
    void reset() noexcept;
    /// Lets what is queued go out first, and then the end if that was asked for: closing over bytes that
    /// nobody has read is a reset, which the peer must not hear of before the end. Borrowed bytes are given
    /// back: if they are on their way already it closes at once.
    void close_gently() noexcept;

    [[nodiscard]] std::size_t unsent() const noexcept {
        return queued.size() + borrowed_size_waiting() + rest.size() + handle.stream.write_queue_size;
    }

    Handle handle{};
    Loop* const loop;
    StreamReader* reader = nullptr;
    Callback write_observer;
    bool reading = false;
    bool paused = false;
    /// `write_request` is with libuv.
    bool writing = false;
    /// It is about the borrowed bytes, and otherwise about `sending`.
    bool borrowed_in_flight = false;
    /// `shutdown` waits until what is queued has been given to libuv.
    bool shutdown_waiting = false;
    /// Closed while `shutdown` was under way.
    bool ends_before_close = false;
    /// It is a terminal in another mode than it was found in.
    bool raw = false;
    /// It is a terminal that has been made non-blocking for whoever else has its descriptor.
    bool blocks_for_others = false;
    /// What broke the write direction, for good.
    int write_error = 0;

    /// What will go out with the next request, and what is going out with this one.
    std::vector<std::byte> queued;
    std::vector<std::byte> sending;
    std::span<const std::byte> borrowed;
    /// What is left of the bytes of this request, when they are more than one request carries.
    std::span<const std::byte> rest;

    Completion* write_done = nullptr;
    Completion* shutdown_done = nullptr;
    Completion* connect_done = nullptr;
    uv_write_t write_request{};
    uv_shutdown_t shutdown_request{};
    uv_connect_t connect_request{};

private:
    explicit StreamBlock(Loop& owner) noexcept;

#if !defined(_WIN32)
    /// Takes over the error of a write that libuv has not told of yet.
    void look_for_write_error() noexcept;
    /// Gives UV_EOF at the end, UV_EAGAIN if there is more to come, UV_ENOBUFS if there is no room for it, or
    /// the error that was behind the last bytes.
    int read_on(int fd) noexcept;
    int read_to_end(int fd) noexcept;
#endif
    void make_blocking() noexcept;

    [[nodiscard]] std::size_t borrowed_size_waiting() const noexcept {
        return borrowed_in_flight ? 0 : borrowed.size();
    }
    int send_queued() noexcept;
    int send_rest() noexcept;
    int start_shutdown() noexcept;
    void shut_down(int status) noexcept;
    void write_ended(int status) noexcept;
    void fail_writes(int status) noexcept;
    /// What `shutdown` is about, at once; nothing is queued.
    void end_writing() noexcept;
    void detach() noexcept;
    /// The descriptor, if it is one of the standard ones, which libuv never closes.
    [[nodiscard]] Descriptor left_open_by_libuv() const noexcept;
};

/// Gives a pipe its descriptor, which belongs to it if 0 is returned.
[[nodiscard]] int open_pipe(uv_pipe_t& handle, Descriptor& end) noexcept;

} // namespace aio::uv::detail
