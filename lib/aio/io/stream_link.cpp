#include <aio/io/stream_link.hpp>

#include <system_error>

#include <aio/core/errors.hpp>
#include <aio/io/write_buffer_limits.hpp>
#include <aio/uv/error.hpp>

namespace aio::detail {

StreamLink::StreamLink(Stream stream, std::size_t limit) : limit_(limit) {
    check_limit(limit);
    // Says so if the stream has been moved from.
    static_cast<void>(stream.state());
    state_ = std::move(stream.state_);
    binding_.bind(state_->loop());
    state_->read_ahead_limit_ = 2 * limit;
    state_->write_observer_ = uv::bind<&StreamLink::on_progress>(*this);
    state_->keep_name();
    // So that the end of the connection is noticed even while nobody reads. A pipe that can only be written
    // refuses, and then whoever tries to read is told so.
    if (state_->is_open())
        static_cast<void>(state_->start_reading());
    else
        closing_ = closed_ = true;
    // A pipe whose end has been asked for, and is still to come.
    if (state_->shut_down_ && state_->end_of_writing() == uv::EndOfWriting::by_closing) close();
}

void StreamLink::check_limit(std::size_t limit) {
    if (limit == 0) throw ValueError("the limit of a StreamReader must not be 0");
}

void StreamLink::Flushing::begin(StreamLink& link) {
    link_ = Ref<StreamLink>(&link);
    link.state().loop().resources.push_back(*this);
}

void StreamLink::Flushing::end() noexcept {
    if (!link_) return;
    LoopState& loop = link_->state().loop();
    // A loop that closes runs nothing any more, and comes to this among its resources.
    if (loop.closed || !linked()) return;
    unlink();
    loop.ready.push(*this);
}

StreamLink::~StreamLink() {
    if (closed_) return;
    closed_ = true;
    state_->close();
    if (owner_ != nullptr) owner_->link_closed(*this);
}

void StreamLink::check_writable(const char* what) const {
    state_->check_here();
    if (closing_ || !state_->is_open())
        uv::throw_error(uv::status::closed,
                        std::string(what) + " to " + state_->name() + ", which is closed");
    if (state_->shut_down_)
        throw RuntimeError(std::string(what) + ": the write direction of this stream has been shut down");
}

void StreamLink::write(std::span<const std::byte> data) {
    check_writable("write");
    if (state_->writer_ != nullptr)
        throw RuntimeError("write: another task waits in write_all on this stream");
    if (data.empty()) return;
    if (queued() > high_)
        throw BufferError("write to " + state_->name() + ": " + std::to_string(queued()) +
                          " bytes wait to be sent, and the high-water mark is " + std::to_string(high_) +
                          "; await drain() between writes, or use write_all");
    int status = state_->try_write(data);
    if (status >= 0 && static_cast<std::size_t>(status) < data.size())
        status = state_->queue(data.subspan(static_cast<std::size_t>(status)));
    if (status < 0) {
        on_progress();
        uv::throw_error(status, "write to " + state_->name());
    }
    static_cast<void>(paused());
}

void StreamLink::write_eof() {
    if (state_->shut_down_) return;
    check_writable("write_eof");
    const uv::EndOfWriting way = state_->check_end_of_writing("write_eof to");
    state_->shut_down_ = true;
    if (way == uv::EndOfWriting::by_closing) {
        close();
        return;
    }
    uv::check(state_->shutdown(state_->shutdown_done_), "write_eof to " + state_->name());
}

bool StreamLink::paused() noexcept {
    const std::size_t size = queued();
    if (size > high_)
        paused_ = true;
    else if (size <= low_)
        paused_ = false;
    return paused_;
}

Stream StreamLink::detach(const char* what) {
    check_writable(what);
    throw_if_lost(what);
    if (state_->reader_ != nullptr || state_->buffered_reader_ != nullptr || state_->writer_ != nullptr ||
        !drainers_.idle() || !closers_.idle())
        throw RuntimeError(std::string(what) + ": another task waits in this stream");
    return take_stream();
}

Stream StreamLink::take_stream() noexcept {
    flushing_.end();
    state_->write_observer_ = uv::Callback();
    state_->read_ahead_limit_ = StreamState::default_read_ahead;
    Stream stream(std::move(state_));
    closing_ = closed_ = true;
    tell_owner();
    return stream;
}

void StreamLink::set_marks(std::optional<std::size_t> high, std::optional<std::size_t> low) {
    const WriteBufferLimits limits = WriteBufferLimits::of(high, low);
    high_ = limits.high();
    low_ = limits.low();
    if (!paused()) drainers_.release_all();
}

void StreamLink::on_progress() noexcept {
    if (broken()) {
        drainers_.release_all();
        if (over()) {
            closers_.release_all();
            // The handler of a server may go on without it.
            tell_owner();
        }
    }
    if (!state_->is_open()) {
        // A write has been given up: nobody knows how much of it has gone.
        end(uv::status::canceled, true);
        return;
    }
    if (state_->write_error() < 0) {
        status_ = state_->write_error();
        if (closing_) end(status_, true);
        return;
    }
    if (!paused()) drainers_.release_all();
    if (closing_ && queued() == 0) end(0, false);
}

void StreamLink::close() noexcept {
    if (closing_) return;
    closing_ = true;
    if (state_->is_open()) state_->prepare_close();
    if (!state_->is_open() || state_->write_error() < 0 || queued() == 0)
        end(failure(), false);
    else
        flushing_.begin(*this);
}

void StreamLink::end(int status, bool dropping) noexcept {
    closing_ = true;
    if (std::exchange(closed_, true)) return;
    const Ref<StreamLink> keep(this);
    if (status_ == 0) status_ = status;
    // Who reads is told that bytes may be missing.
    if (status < 0 && status != uv::status::canceled && !state_->read_ended_) state_->ended(status);
    if (dropping)
        state_->abort();
    else
        state_->close();
    drainers_.release_all();
    closers_.release_all();
    tell_owner();
    flushing_.end();
}

void StreamLink::tell_owner() noexcept {
    if (LinkOwner* const owner = std::exchange(owner_, nullptr)) owner->link_closed(*this);
}

int StreamLink::failure() const noexcept {
    if (state_ && state_->read_status_ < 0) return state_->read_status_;
    if (status_ < 0 || !state_) return status_;
    return state_->is_open() ? state_->write_error() : 0;
}

void StreamLink::throw_if_failed(const char* what) const {
    const int status = failure();
    if (status >= 0) return;
    if (const std::exception_ptr known = state_->cause()) std::rethrow_exception(known);
    uv::throw_error(status, std::string(what) + ": the connection to " + state_->name() + " has broken");
}

void StreamLink::throw_if_lost(const char* what) const {
    throw_if_failed(what);
    // Somebody who gave way in `drain` meanwhile.
    if (!state_) throw RuntimeError(std::string(what) + ": the stream has been taken out of this connection");
    if (closed_ || !state_->is_open())
        uv::throw_error(uv::status::connection_reset,
                        std::string(what) + ": the connection to " + state_->name() + " is closed");
}

bool DrainWait::await_ready() {
    if (link_->closing()) return false;
    link_->state().check_here();
    link_->throw_if_lost("drain");
    return !link_->paused() && link_->state().loop().take_immediate();
}

void DrainWait::await_resume() {
    if (!waited()) return;
    settle();
    // A connection that has ended without an error while this waited is as good as drained.
    if (gave_way_)
        link_->throw_if_lost("drain");
    else
        link_->throw_if_failed("drain");
}

} // namespace aio::detail
