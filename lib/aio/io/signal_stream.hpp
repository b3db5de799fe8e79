#pragma once

/// `SignalStream`: signals of the process, one after the other, in a task.
///
///     aio::SignalStream signals(SIGHUP, SIGTERM);
///     while (auto signum = co_await signals.next()) {
///         if (*signum == SIGTERM) break;
///         co_await reload();
///     }
///
/// Where a function is to be called instead, see `SignalHandler` and `loop.add_signal_handler`.

#include <concepts>
#include <memory>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/core/loop_resource.hpp>
#include <aio/io/event_queue.hpp>
#include <aio/uv/signal.hpp>

namespace aio {

class EventLoop;

namespace detail {

/// The state behind a stream of signals.
class SignalStreamState final : public LoopResource {
public:
    SignalStreamState(EventLoop& loop, const std::vector<int>& signals);
    ~SignalStreamState() { close(); }
    SignalStreamState(const SignalStreamState&) = delete;
    SignalStreamState& operator=(const SignalStreamState&) = delete;

    [[nodiscard]] EventQueue<int>& queue() noexcept { return queue_; }
    void close() noexcept;
    void loop_closing() noexcept override { close(); }

private:
    /// One signal that is watched.
    struct Watch {
        Watch(SignalStreamState& s, int n, uv::Loop& loop) : stream(s), signum(n), signal(loop) {}
        void on_signal() noexcept { stream.on_signal(signum); }
        SignalStreamState& stream;
        int signum;
        uv::Signal signal;
    };
    void on_signal(int signum) noexcept;

    EventQueue<int> queue_;
    std::vector<std::unique_ptr<Watch>> watches_;
};

} // namespace detail

/// Watches for signals while it lives; their default actions do not happen then. Move-only; belongs to the
/// loop that runs where it is made.
class SignalStream {
public:
    /// Throws `ValueError` for a number that is no signal, and for none at all; `RuntimeError` for one that
    /// cannot be caught (SIGKILL, SIGSTOP) or without a running loop.
    template <std::same_as<int>... Signals>
        requires(sizeof...(Signals) > 0)
    explicit SignalStream(Signals... signals) : SignalStream(std::vector<int>({signals...})) {}
    explicit SignalStream(const std::vector<int>& signals);
    SignalStream(EventLoop& loop, const std::vector<int>& signals)
        : state_(std::make_unique<detail::SignalStreamState>(loop, signals)) {}

    /// Gives the number of the next signal that came or comes, in the order in which they came; nothing once
    /// the stream is closed. The same signal is not kept twice: what comes again before it is asked for is
    /// merged, as the system does it. Several tasks may wait, each signal goes to one of them. Cancelling
    /// loses no signal.
    [[nodiscard]] detail::NextEventOperation<int> next() {
        return detail::NextEventOperation<int>(state().queue(), "the next signal");
    }
    /// Stops watching. Whoever waits gets nothing.
    void close() noexcept {
        if (state_) state_->close();
    }

private:
    [[nodiscard]] detail::SignalStreamState& state() const {
        if (!state_) throw RuntimeError("this stream of signals has been moved from");
        return *state_;
    }
    std::unique_ptr<detail::SignalStreamState> state_;
};

} // namespace aio
