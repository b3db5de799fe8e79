#pragma once

/// Reads that wait until enough is in a stream's buffer, and then take it in one piece: the awaiters of
/// `StreamReader`.
///
/// Bytes leave the buffer only when the read is complete, so that cancelling it loses none of them. Whether
/// it is complete is looked at when bytes arrive, in the callback that brings them: the task is woken once.

#include <coroutine>
#include <cstddef>
#include <exception>
#include <string>

#include <aio/io/read_ahead.hpp>
#include <aio/io/stream_awaiters.hpp>

namespace aio::detail {

/// Base of them. One at a time may wait on a stream.
class BufferedRead : public StreamSuspension {
public:
    [[nodiscard]] bool await_ready();
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        start();
    }
    [[nodiscard]] std::string description() const override { return what_; }

    // What the stream calls.

    /// Bytes have come, or it has become known that no more will.
    void look() noexcept;
    /// The stream has been closed, and may be destroyed next.
    void stream_closed() noexcept;

protected:
    /// `what` is the name of the operation, a literal.
    BufferedRead(StreamState& stream, const char* what) noexcept : StreamSuspension(stream), what_(what) {}
    ~BufferedRead() {
        if (pending()) stream_->buffered_reader_ = nullptr;
    }

    /// To be called first in `await_resume`: throws `CancelledError` or what has gone wrong.
    void settle();

    /// Whether no bytes are asked for, which needs no waiting, and disturbs nobody who reads.
    [[nodiscard]] virtual bool wants_nothing() const noexcept { return false; }
    /// Whether what is there is enough. Called again when more has come, and before `take`.
    [[nodiscard]] virtual bool enough() = 0;
    /// Takes the result out of the buffer when that is enough or no more will come; or throws.
    virtual void take() = 0;

    [[nodiscard]] ReadAhead& buffer() const noexcept { return stream_->read_ahead_; }
    /// Takes bytes from the front of the buffer as text.
    [[nodiscard]] std::string take_text(std::size_t count);

private:
    void start();
    [[nodiscard]] bool ready();
    void finish() noexcept;
    bool on_cancel(const std::string&) noexcept override {
        stream_->buffered_reader_ = nullptr;
        return wake_cancelled();
    }

    const char* what_;
    bool giving_way_ = false;
};

} // namespace aio::detail
