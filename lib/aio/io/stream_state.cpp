#include <aio/io/stream_state.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/io/buffered_read.hpp>
#include <aio/io/stream_awaiters.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/pipe.hpp>
#include <aio/uv/tcp.hpp>
#include <aio/uv/unix_socket.hpp>

namespace aio::detail {

StreamState::StreamState(LoopState& loop) noexcept : loop_(&loop) { loop.resources.push_back(*this); }

StreamState::~StreamState() = default;

StreamState::Brought StreamState::set_tap(StreamTap& tap, const char* what) {
    if (reader_ != nullptr || buffered_reader_ != nullptr || writer_ != nullptr ||
        shutdown_waiter_ != nullptr)
        throw RuntimeError(std::string(what) + ": another task waits in this stream");
    if (shut_down_)
        throw RuntimeError(std::string(what) + ": the write direction of this stream has been shut down");
    const std::span<const std::byte> data = read_ahead_.data();
    Brought brought;
    brought.bytes.assign(data.begin(), data.end());
    if (read_ended_) brought.end = read_status_;
    read_ahead_.consume(data.size());
    tap_ = &tap;
    return brought;
}

std::exception_ptr StreamState::error_of(int status, const char* operation) const {
    if (std::exception_ptr known = cause(); known && status != uv::status::canceled) return known;
    return std::make_exception_ptr(
        std::system_error(uv::error_code(status), std::string(operation) + ' ' + name()));
}

std::string StreamState::name() const {
    if (!name_.empty()) return name_;
    if (const std::optional<uv::Address> peer = peer_address()) return peer->to_string();
    if (const std::optional<std::string> path = peer_path(); path && !path->empty())
        return uv::printable_path(*path);
    if (const std::optional<std::string> path = local_path(); path && !path->empty())
        return "a client of " + uv::printable_path(*path);
    return number_ >= 0 ? "descriptor " + std::to_string(number_) : "a stream";
}

std::span<std::byte> StreamState::room(std::span<std::byte> shared) noexcept {
    if (read_ended_) return {};
    if (tap_ != nullptr) return tap_->room(shared);
    // Whoever waits for more than the limit gets it: otherwise he would wait for ever.
    if (buffered_reader_ != nullptr) return shared;
    if (reader_ == nullptr || !reader_->hungry()) {
        const std::size_t left = read_ahead_limit_ - std::min(read_ahead_limit_, read_ahead_.size());
        return shared.first(std::min(shared.size(), left));
    }
    return reader_->memory().size() >= direct_read_size ? reader_->memory() : shared;
}

void StreamState::received(std::span<const std::byte> data) noexcept {
    if (tap_ != nullptr) {
        tap_->received(data);
        return;
    }
    if (reader_ != nullptr && reader_->hungry()) {
        ReadAwaiter* const reader = std::exchange(reader_, nullptr);
        const std::size_t count = std::min(data.size(), reader->memory().size());
        if (data.data() != reader->memory().data()) std::memcpy(reader->memory().data(), data.data(), count);
        reader->finish(count);
        data = data.subspan(count);
    }
    if (data.empty()) return;
    try {
        read_ahead_.append(data);
    } catch (const std::bad_alloc&) {
        // Bytes are lost, so the stream is of no further use; what was read before them can still be taken.
        ended(uv::status::out_of_memory);
        return;
    }
    if (buffered_reader_ != nullptr) buffered_reader_->look();
}

bool StreamState::read_wanted() const noexcept {
    if (tap_ != nullptr) return !read_ended_ && tap_->wants();
    return !read_ended_ && (buffered_reader_ != nullptr || (reader_ != nullptr && reader_->hungry()));
}

void StreamState::ended(int status) noexcept {
    // The system tells a reset once: if a write has met it, a read finds a clean end where bytes are missing.
    // Not so when nobody listens any more: then the end had come before.
    if (status == 0 && !end_is_certain() && is_open() && write_error() != uv::status::broken_pipe)
        status = write_error();
    read_ended_ = true;
    read_status_ = status;
    if (tap_ != nullptr) {
        tap_->ended(status);
        return;
    }
    if (reader_ != nullptr && reader_->hungry()) std::exchange(reader_, nullptr)->fail(status);
    if (buffered_reader_ != nullptr) buffered_reader_->look();
    // Who waits for the connection's end knows as well.
    if (status < 0 && write_observer_) write_observer_();
}

void StreamState::on_written(uv::Completion& done, int status) noexcept {
    StreamState& self = static_cast<WriteDone&>(done).state;
    if (WriteAwaiter* const writer = std::exchange(self.writer_, nullptr)) writer->finish(status);
}

void StreamState::on_shut_down(uv::Completion& done, int status) noexcept {
    StreamState& self = static_cast<ShutdownDone&>(done).state;
    // A pipe's end has nothing else to do.
    const bool closes =
        status == 0 && self.is_open() && self.end_of_writing() == uv::EndOfWriting::by_closing;
    if (ShutdownAwaiter* const waiter = std::exchange(self.shutdown_waiter_, nullptr)) waiter->finish(status);
    if (closes) self.close();
}

uv::EndOfWriting StreamState::check_end_of_writing(const char* what) const {
    const uv::EndOfWriting end = end_of_writing();
    if (end == uv::EndOfWriting::impossible)
        uv::throw_error(uv::status::not_supported, std::string(what) + ' ' + name());
    return end;
}

void StreamState::check_open() const {
    if (!is_open()) uv::throw_error(uv::status::closed, "use of " + name() + " after close");
}

void StreamState::throw_other_loop() {
    throw RuntimeError("this stream belongs to another loop than the task that uses it");
}

void StreamState::wake_all_closed() noexcept {
    if (linked()) unlink();
    write_observer_ = uv::Callback();
    // What has come before can still be read, and then the end, from the buffer alone.
    const bool had_ended = std::exchange(read_ended_, true);
    if (tap_ != nullptr && !had_ended) tap_->ended(uv::status::canceled);
    if (buffered_reader_ != nullptr) buffered_reader_->stream_closed();
    if (ReadAwaiter* const reader = std::exchange(reader_, nullptr)) reader->fail(uv::status::canceled);
    if (WriteAwaiter* const writer = std::exchange(writer_, nullptr)) writer->finish(uv::status::canceled);
    if (ShutdownAwaiter* const waiter = std::exchange(shutdown_waiter_, nullptr))
        waiter->finish(uv::status::canceled);
}

void StreamState::keep_name_if_open() noexcept {
    if (!is_open() || !name_.empty()) return;
    try {
        keep_name();
    } catch (const std::bad_alloc&) {
        // Messages say less.
        return;
    }
}

void StreamState::close() noexcept {
    keep_name_if_open();
    close_transport();
    wake_all_closed();
}

void StreamState::abort() noexcept {
    keep_name_if_open();
    abort_transport();
    wake_all_closed();
}

void StreamState::give_up() noexcept {
    const uv::Callback observer = std::exchange(write_observer_, uv::Callback());
    // Nobody has closed it: to whoever reads it has broken.
    if (!read_ended_) ended(uv::status::canceled);
    abort();
    if (observer) observer();
}

namespace {

/// What a handle says about itself, or nothing: connections that have broken cannot tell any more.
template <class Ask>
auto ask(Ask function) noexcept -> std::optional<decltype(function())> {
    try {
        return function();
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

} // namespace

std::optional<uv::Address> local_address_of(const uv::Tcp& tcp) noexcept {
    return ask([&] { return tcp.local_address(); });
}

std::optional<uv::Address> peer_address_of(const uv::Tcp& tcp) noexcept {
    return ask([&] { return tcp.peer_address(); });
}

std::optional<std::string> local_path_of(const uv::Pipe& pipe) noexcept {
    return ask([&] { return pipe.local_path(); });
}

std::optional<std::string> peer_path_of(const uv::Pipe& pipe) noexcept {
    return ask([&] { return pipe.peer_path(); });
}

} // namespace aio::detail
