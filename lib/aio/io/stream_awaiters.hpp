#pragma once

/// The awaiters of `Stream`: they lie in the awaiting coroutine's frame and allocate nothing.

#include <coroutine>
#include <cstddef>
#include <exception>
#include <span>
#include <string>

#include <aio/core/suspension.hpp>
#include <aio/core/timer_queue.hpp>
#include <aio/io/stream_state.hpp>

namespace aio::detail {

/// What they have in common.
class StreamSuspension : public Suspension {
protected:
    explicit StreamSuspension(StreamState& stream) noexcept : stream_(&stream) {}
    ~StreamSuspension() = default;

    /// Keeps what a negative status means, while the stream is there to say where it leads.
    void note_failure(int status, const char* operation) noexcept {
        if (status < 0) keep_error(status, operation);
    }
    void throw_if_failed() const {
        if (error_) std::rethrow_exception(error_);
    }

    StreamState* stream_;
    std::exception_ptr error_;

private:
    void keep_error(int status, const char* operation) noexcept;
};

/// `read_some`. Cancelling it unlinks it; bytes that come later stay in the stream, and so do those that are
/// there while it gives way.
class ReadAwaiter final : public StreamSuspension {
public:
    ReadAwaiter(StreamState& stream, std::span<std::byte> memory) noexcept
        : StreamSuspension(stream), memory_(memory) {}
    ~ReadAwaiter() {
        if (pending()) stream_->reader_ = nullptr;
    }

    [[nodiscard]] bool await_ready();
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        start();
    }
    std::size_t await_resume() {
        throw_if_cancelled();
        if (giving_way_) take_after_giving_way();
        throw_if_failed();
        return count_;
    }

    [[nodiscard]] std::string description() const override { return "reading from a stream"; }
    [[nodiscard]] std::span<std::byte> memory() const noexcept { return memory_; }
    /// Whether it wants the next bytes that come; not so when there are earlier ones that it will take.
    [[nodiscard]] bool hungry() const noexcept { return !giving_way_; }
    /// Bytes have come.
    void finish(std::size_t count) noexcept {
        count_ = count;
        wake();
    }
    /// Nothing more comes: the end, or an error.
    void fail(int status) noexcept {
        note_failure(status, "read from");
        giving_way_ = false;
        wake();
    }

private:
    void start();
    void take() noexcept;
    void take_after_giving_way() noexcept;
    bool on_cancel(const std::string&) noexcept override {
        stream_->reader_ = nullptr;
        return wake_cancelled();
    }

    std::span<std::byte> memory_;
    std::size_t count_ = 0;
    bool giving_way_ = false;
};

/// `write_all`. Small remainders are left to the stream; larger ones are sent from the caller's memory, and
/// then a cancellation has to wait until they have gone: half a message would make the stream useless. A
/// second cancellation, or a second's delay, gives the stream up instead.
class WriteAwaiter final : public StreamSuspension, private TimerNode {
public:
    WriteAwaiter(StreamState& stream, std::span<const std::byte> data) noexcept
        : StreamSuspension(stream), TimerNode(&on_patience_over), data_(data) {}
    ~WriteAwaiter() {
        if (pending() && !done_) give_up();
    }

    [[nodiscard]] bool await_ready();
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        start();
    }
    void await_resume() {
        throw_if_cancelled();
        throw_if_failed();
    }

    [[nodiscard]] std::string description() const override { return "writing to a stream"; }

    /// The bytes have been sent, or never will be.
    void finish(int status) noexcept;

private:
    void start();
    void give_up() noexcept;
    bool on_cancel(const std::string&) noexcept override;
    static void on_patience_over(TimerNode& self) noexcept;

    std::span<const std::byte> data_;
    bool done_ = false;
    bool cancel_requested_ = false;
};

/// `shutdown_write`. Cancelling it leaves the shutdown under way.
class ShutdownAwaiter final : public StreamSuspension {
public:
    explicit ShutdownAwaiter(StreamState& stream) noexcept : StreamSuspension(stream) {}
    ~ShutdownAwaiter() {
        if (pending()) stream_->shutdown_waiter_ = nullptr;
    }

    [[nodiscard]] bool await_ready();
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        start();
    }
    void await_resume() {
        throw_if_cancelled();
        throw_if_failed();
    }
    [[nodiscard]] std::string description() const override { return "the shutdown of a stream"; }

    void finish(int status) noexcept {
        note_failure(status, "shut down the write direction to");
        wake();
    }

private:
    void start();
    bool on_cancel(const std::string&) noexcept override {
        stream_->shutdown_waiter_ = nullptr;
        return wake_cancelled();
    }
};

} // namespace aio::detail
