#include <aio/uv/detail/stream_block.hpp>

#include <algorithm>
#include <utility>

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/stat.h>
#endif

#include <aio/uv/detail/buffer.hpp>

namespace aio::uv::detail {
namespace {

/// Queue memory beyond this is given back when it has been sent.
constexpr std::size_t kept_capacity = 4096;

void discard(std::vector<std::byte>& bytes) noexcept {
    if (bytes.capacity() > kept_capacity)
        std::vector<std::byte>().swap(bytes);
    else
        bytes.clear();
}

void on_alloc(uv_handle_t* h, std::size_t, uv_buf_t* buf) noexcept {
    StreamBlock& block = StreamBlock::of(h->data);
    const std::span<std::byte> room = block.reader->room(block.loop->receive_buffer());
    block.paused = room.empty();
    *buf = buffer(room);
}

void on_read(uv_stream_t* h, ssize_t count, const uv_buf_t* buf) noexcept {
    StreamBlock& block = StreamBlock::of(h->data);
    if (count > 0) {
        block.reader->received(
            {reinterpret_cast<const std::byte*>(buf->base), static_cast<std::size_t>(count)});
        return;
    }
    if (count == 0) return;
    // The only place where a reader without room can be stopped: libuv does not survive it in the callback
    // that asks for memory.
    uv_read_stop(h);
    block.reading = false;
    if (count == UV_ENOBUFS && block.paused) return;
    block.reading_ended(static_cast<int>(count));
}

void on_closed(uv_handle_t* h) noexcept { delete &StreamBlock::of(h->data); }

void complete(Completion*& waiting, int status) noexcept {
    if (Completion* const done = std::exchange(waiting, nullptr)) (*done)(status);
}

} // namespace

StreamBlock::StreamBlock(Loop& owner) noexcept
    : Lingering([](Lingering& self) noexcept { static_cast<StreamBlock&>(self).close(); }), loop(&owner) {}

int StreamBlock::start_reading() noexcept {
    if (reading) return 0;
    const int status = uv_read_start(&handle.stream, &on_alloc, &on_read);
    reading = status == 0;
    return status;
}

int StreamBlock::queue(std::span<const std::byte> data) {
    if (write_error < 0) return write_error;
    queued.insert(queued.end(), data.begin(), data.end());
    return writing ? 0 : send_queued();
}

int StreamBlock::write(std::span<const std::byte> data, Completion& done) noexcept {
    if (write_error < 0) return write_error;
    borrowed = data;
    write_done = &done;
    const int status = writing ? 0 : send_queued();
    if (status < 0) write_done = nullptr;
    return status;
}

int StreamBlock::send_queued() noexcept {
    sending.clear();
    sending.swap(queued);
    // Never both in one request: when the stream is closed what is queued must still go, and the borrowed
    // bytes' owner is told at once that they will not.
    borrowed_in_flight = sending.empty() && write_done != nullptr;
    rest = borrowed_in_flight ? borrowed : std::span<const std::byte>(sending);
    return send_rest();
}

int StreamBlock::send_rest() noexcept {
    const uv_buf_t data = buffer(rest);
    rest = rest.subspan(std::min(rest.size(), most_at_once));
    const auto on_written = [](uv_write_t* request, int status) noexcept {
        of(request->handle->data).write_ended(status);
    };
    const int status = uv_write(&write_request, &handle.stream, &data, 1, on_written);
    if (status < 0) {
        fail_writes(status);
        return status;
    }
    writing = true;
    return 0;
}

void StreamBlock::write_ended(int status) noexcept {
    // On Windows a reader that has gone ends a write under way in the words for a read.
    if (status == UV_EOF || status == UV_EAGAIN) status = UV_EPIPE;
    writing = false;
    const bool closing = uv_is_closing(&handle.base) != 0;
    if (status == 0 && !rest.empty() && !closing) {
        status = send_rest();
        if (status == 0) {
            if (write_observer) write_observer();
            return;
        }
    }
    discard(sending);
    if (closing) return;
    Completion* done = nullptr;
    if (std::exchange(borrowed_in_flight, false)) {
        borrowed = {};
        done = std::exchange(write_done, nullptr);
    }
    if (status == 0 && (!queued.empty() || write_done != nullptr)) status = send_queued();
    if (status < 0) {
        fail_writes(status);
        if (done == nullptr) done = std::exchange(write_done, nullptr);
    }
    if (lingering() && !writing) {
        if (ends_before_close && status == 0) end_writing();
        close();
        return;
    }
    if (done != nullptr) (*done)(status);
    if (shutdown_waiting && !writing && !uv_is_closing(&handle.base)) {
        shutdown_waiting = false;
        const int refused = write_error < 0 ? write_error : start_shutdown();
        if (refused < 0) complete(shutdown_done, refused);
    }
    // Each of those who have been told may have closed the stream; then there is nobody to tell any more.
    if (write_observer) write_observer();
}

void StreamBlock::fail_writes(int status) noexcept {
    write_error = status;
    borrowed = rest = {};
    borrowed_in_flight = false;
    discard(queued);
}

int StreamBlock::shutdown(Completion& done) noexcept {
    if (write_error < 0) return write_error;
    shutdown_done = &done;
    // libuv knows nothing of bytes that wait for the request in flight, and takes none after a shutdown.
    shutdown_waiting =
        writing && (!queued.empty() || !rest.empty() || (write_done != nullptr && !borrowed_in_flight));
    const int status = shutdown_waiting ? 0 : start_shutdown();
    if (status < 0) shutdown_done = nullptr;
    return status;
}

int StreamBlock::start_shutdown() noexcept {
    return uv_shutdown(&shutdown_request, &handle.stream, [](uv_shutdown_t* request, int status) noexcept {
        of(request->handle->data).shut_down(status);
    });
}

void StreamBlock::shut_down(int status) noexcept {
    // A pipe has sent everything by now.
    if (status == UV_ENOTSOCK && end_of_writing() == EndOfWriting::by_closing) status = 0;
    // An end after bytes that have been lost is no success.
    if (status == 0) status = write_error;
    complete(shutdown_done, status);
}

EndOfWriting StreamBlock::end_of_writing() const noexcept {
    if (handle.base.type == UV_TTY) return EndOfWriting::impossible;
#if !defined(_WIN32)
    if (handle.base.type == UV_NAMED_PIPE) {
        uv_os_fd_t fd = -1;
        struct stat status;
        // One that is closed or not connected yet says so when it is shut down.
        if (uv_fileno(&handle.base, &fd) != 0 || ::fstat(fd, &status) != 0 || S_ISSOCK(status.st_mode))
            return EndOfWriting::by_shutdown;
        return S_ISFIFO(status.st_mode) && (::fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY
                   ? EndOfWriting::by_closing
                   : EndOfWriting::impossible;
    }
#endif
    return EndOfWriting::by_shutdown;
}

void StreamBlock::close_gently() noexcept {
    const bool bytes_on_their_way =
        writing && write_error == 0 && connect_done == nullptr && !borrowed_in_flight;
    const bool ends = shutdown_done != nullptr && write_error == 0;
    if (!bytes_on_their_way) {
        if (ends && !borrowed_in_flight) end_writing();
        close();
        return;
    }
    ends_before_close = ends;
    uv_read_stop(&handle.stream);
    reader = nullptr;
    write_observer = Callback();
    borrowed = {};
    write_done = shutdown_done = nullptr;
    shutdown_waiting = false;
    linger(*loop);
}

void StreamBlock::detach() noexcept {
    stop_lingering();
    reader = nullptr;
    write_observer = Callback();
    write_done = shutdown_done = connect_done = nullptr;
    shutdown_waiting = false;
}

void StreamBlock::close() noexcept {
    detach();
    // libuv forgets how it was.
    if (raw) uv_tty_set_mode(&handle.tty, UV_TTY_MODE_NORMAL);
    if (blocks_for_others) make_blocking();
    const Descriptor left_open = left_open_by_libuv();
    uv_close(&handle.base, &on_closed);
}

void StreamBlock::reset() noexcept {
    detach();
    const Descriptor left_open = left_open_by_libuv();
    // libuv refuses while a shutdown is under way.
    if (uv_tcp_close_reset(&handle.tcp, &on_closed) < 0) uv_close(&handle.base, &on_closed);
}

Descriptor StreamBlock::left_open_by_libuv() const noexcept {
#if !defined(_WIN32)
    uv_os_fd_t fd = -1;
    // A terminal's is not its own.
    if (handle.base.type != UV_TTY && uv_fileno(&handle.base, &fd) == 0 && is_standard(fd))
        return Descriptor(fd);
#endif
    return Descriptor();
}

} // namespace aio::uv::detail
