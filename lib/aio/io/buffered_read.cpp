#include <aio/io/buffered_read.hpp>

#include <aio/core/errors.hpp>
#include <aio/uv/error.hpp>

namespace aio::detail {

bool BufferedRead::await_ready() {
    StreamState& stream = *stream_;
    stream.check_here();
    if (wants_nothing() && stream.read_status_ >= 0) return true;
    if (stream.reader_ != nullptr || stream.buffered_reader_ != nullptr)
        throw RuntimeError(std::string(what_) + ": another task is reading from this stream already");
    if (!ready()) return false;
    if (stream.loop().take_immediate()) {
        finish();
        return true;
    }
    giving_way_ = true;
    return false;
}

void BufferedRead::start() {
    stream_->buffered_reader_ = this;
    if (giving_way_) {
        yield();
        return;
    }
    const int status = stream_->start_reading();
    if (status >= 0) return;
    // It cannot be read at all, as a pipe's end for writing: that says nothing about writing.
    note_failure(status, "read from");
    stream_->buffered_reader_ = nullptr;
    wake();
}

bool BufferedRead::ready() { return enough() || stream_->read_ended_; }

void BufferedRead::look() noexcept {
    if (giving_way_) return;
    try {
        if (!ready()) return;
    } catch (...) {
        error_ = std::current_exception();
    }
    stream_->buffered_reader_ = nullptr;
    finish();
    wake();
}

void BufferedRead::stream_closed() noexcept {
    giving_way_ = false;
    look();
}

void BufferedRead::finish() noexcept {
    if (error_) return;
    try {
        // What has gone wrong comes before bytes that came earlier, as in asyncio.
        if (stream_->read_status_ < 0 && !(stream_->bytes_come_first() && enough()))
            std::rethrow_exception(stream_->error_of(stream_->read_status_, "read from"));
        take();
    } catch (...) {
        error_ = std::current_exception();
        return;
    }
    // Reading pauses when the buffer holds twice the limit, and goes on here.
    if (!stream_->read_ended_ && stream_->read_ahead_.size() <= stream_->read_ahead_limit_ / 2)
        stream_->start_reading();
}

void BufferedRead::settle() {
    throw_if_cancelled();
    if (giving_way_) {
        giving_way_ = false;
        stream_->buffered_reader_ = nullptr;
        finish();
        wake();
    }
    if (error_) std::rethrow_exception(error_);
}

std::string BufferedRead::take_text(std::size_t count) {
    const std::span<const std::byte> data = buffer().data().first(count);
    std::string text(reinterpret_cast<const char*>(data.data()), data.size());
    buffer().consume(count);
    return text;
}

} // namespace aio::detail
