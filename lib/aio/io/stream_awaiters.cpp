#include <aio/io/stream_awaiters.hpp>

#include <chrono>
#include <new>

#include <aio/core/clock.hpp>
#include <aio/core/errors.hpp>
#include <aio/uv/error.hpp>

namespace aio::detail {
namespace {

/// How long a cancelled write may go on before the stream is given up.
constexpr Duration write_patience = std::chrono::seconds(1);

} // namespace

bool ReadAwaiter::await_ready() {
    StreamState& stream = *stream_;
    stream.check_here();
    stream.check_open();
    if (stream.reader_ != nullptr || stream.buffered_reader_ != nullptr)
        throw RuntimeError("read_some: another task is reading from this stream already");
    if (memory_.empty()) return true;
    if (stream.read_ahead_.empty() && !stream.read_ended_) return false;
    if (stream.loop().take_immediate()) {
        take();
        return true;
    }
    giving_way_ = true;
    return false;
}

void ReadAwaiter::take() noexcept {
    if (stream_->read_ahead_.empty())
        note_failure(stream_->read_status_, "read from");
    else
        count_ = stream_->read_ahead_.take(memory_);
}

void ReadAwaiter::take_after_giving_way() noexcept {
    stream_->reader_ = nullptr;
    take();
    giving_way_ = false;
    // The wait is over: from here on the stream may go before this awaiter.
    wake();
}

void ReadAwaiter::start() {
    if (giving_way_) {
        stream_->reader_ = this;
        yield();
        return;
    }
    const int status = stream_->start_reading();
    note_failure(status, "read from");
    if (status == 0)
        stream_->reader_ = this;
    else
        wake();
}

/// The stream may be gone when the task goes on.
void StreamSuspension::keep_error(int status, const char* operation) noexcept {
    try {
        error_ = stream_->error_of(status, operation);
    } catch (...) {
        error_ = std::current_exception();
    }
}

bool WriteAwaiter::await_ready() {
    StreamState& stream = *stream_;
    stream.check_here();
    stream.check_open();
    if (stream.shut_down_)
        throw RuntimeError("write_all: the write direction of this stream has been shut down");
    if (stream.writer_ != nullptr)
        throw RuntimeError("write_all: another task is writing to this stream already");
    if (!data_.empty()) {
        const int sent = stream.try_write(data_);
        if (sent >= 0) {
            data_ = data_.subspan(static_cast<std::size_t>(sent));
            if (!data_.empty()) {
                if (data_.size() + stream.write_queue_size() > uv::Stream::default_high_water) return false;
                note_failure(stream.queue(data_), "write to");
            }
        } else {
            note_failure(sent, "write to");
        }
    }
    // Who waits for room, or for the connection's end, knows as well.
    if (error_) stream.write_progressed();
    done_ = true;
    return stream.loop().take_immediate();
}

void WriteAwaiter::start() {
    if (done_) {
        // Written already. Giving way has to be open to cancellation, or a task whose writes always fit could
        // never be cancelled.
        yield();
        return;
    }
    const int status = stream_->write(data_, stream_->write_done_);
    note_failure(status, "write to");
    if (status == 0)
        stream_->writer_ = this;
    else
        wake();
}

void WriteAwaiter::finish(int status) noexcept {
    note_failure(status, "write to");
    loop().timers.remove(*this);
    if (cancel_requested_)
        wake_cancelled();
    else
        wake();
}

bool WriteAwaiter::on_cancel(const std::string&) noexcept {
    if (done_) return wake_cancelled();
    if (cancel_requested_) {
        stream_->give_up();
        return true;
    }
    cancel_requested_ = true;
    try {
        loop().timers.push(*this, loop().clock->now() + write_patience);
    } catch (const std::bad_alloc&) {
        stream_->give_up();
    }
    return true;
}

void WriteAwaiter::on_patience_over(TimerNode& self) noexcept {
    static_cast<WriteAwaiter&>(self).stream_->give_up();
}

void WriteAwaiter::give_up() noexcept {
    // The frame goes, and with it perhaps the bytes that libuv is sending.
    loop().timers.remove(*this);
    stream_->writer_ = nullptr;
    stream_->give_up();
}

bool ShutdownAwaiter::await_ready() {
    stream_->check_here();
    if (stream_->shutdown_waiter_ != nullptr)
        throw RuntimeError("shutdown_write: another task is doing that already");
    // That may have closed it.
    if (stream_->shut_down_) return true;
    stream_->check_open();
    static_cast<void>(stream_->check_end_of_writing("shut down the write direction to"));
    return false;
}

void ShutdownAwaiter::start() {
    stream_->shut_down_ = true;
    const int status = stream_->shutdown(stream_->shutdown_done_);
    note_failure(status, "shut down the write direction to");
    if (status == 0)
        stream_->shutdown_waiter_ = this;
    else
        wake();
}

} // namespace aio::detail
