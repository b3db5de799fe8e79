#pragma once

/// What the tests of the loop and of structured concurrency share: a loop on virtual time whose reports are
/// kept, exceptions as text, and a count of rounds.

#include <exception>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/clock.hpp>
#include <aio/core/error_context.hpp>
#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/exception_group.hpp>
#include <aio/testing/virtual_clock.hpp>

namespace aio::test {

/// A short text for an exception: "cancelled", "cancelled: why", "timeout", "group[a, b]", "what() of
/// anything else".
inline std::string text_of(const std::exception_ptr& error) {
    if (!error) return "none";
    try {
        std::rethrow_exception(error);
    } catch (const CancelledError& e) {
        return e.message().empty() ? "cancelled" : "cancelled: " + e.message();
    } catch (const TimeoutError&) {
        return "timeout";
    } catch (const ExceptionGroup& group) {
        std::string text = "group[";
        for (const std::exception_ptr& one : group.exceptions())
            text += (text.back() == '[' ? "" : ", ") + text_of(one);
        return text + "]";
    } catch (const BaseError& e) {
        return e.what();
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "unknown";
    }
}

/// Calls `function` and gives what it throws as text; "none" if it returns.
template <class F>
std::string thrown_by(F&& function) {
    try {
        function();
    } catch (...) {
        return text_of(std::current_exception());
    }
    return "none";
}

/// Awaits in the current task and gives how that ended: "value", or the exception as text.
template <class A>
Coro<std::string> outcome(A awaitable) {
    std::string text = "value";
    try {
        static_cast<void>(co_await std::move(awaitable));
    } catch (...) {
        text = text_of(std::current_exception());
    }
    co_return text;
}

/// Gives way to everything that is ready, so many times.
inline Coro<> rounds(int count) {
    for (int i = 0; i < count; ++i) co_await sleep(std::chrono::seconds(0));
}

/// Runs so many rounds of a loop.
inline void run_rounds(EventLoop& loop, int count) { loop.run_until_complete(rounds(count)); }

/// A callback that appends a letter to a text.
inline auto note(std::string& text, char letter) {
    return [&text, letter] { text += letter; };
}

/// A loop on virtual time that keeps what is reported to its exception handler, as "message (task):
/// exception".
class TestLoop {
public:
    TestLoop() : loop(clock) { keep_reports(); }
    /// With time of another kind: the system's, where a test is about libuv's timer or about threads.
    explicit TestLoop(Clock& time) : loop(time) { keep_reports(); }

    /// Declared first: the loop reports until it is gone.
    std::vector<std::string> reports;
    /// Jumps when only timers are left.
    testing::VirtualClock clock;
    EventLoop loop;

private:
    void keep_reports() {
        loop.set_exception_handler([this](EventLoop&, const ErrorContext& context) {
            std::string line = context.message;
            if (!context.source.empty()) line += " (" + context.source + ")";
            if (context.exception) line += ": " + text_of(context.exception);
            reports.push_back(std::move(line));
        });
    }
};

/// Runs `body(loop)` or `body(loop, clock)`, a coroutine, in a loop of its own on virtual time; gives its
/// result.
template <class Body>
auto run_in_loop(Body body) {
    TestLoop test;
    if constexpr (std::is_invocable_v<Body&, EventLoop&, testing::VirtualClock&>)
        return test.loop.run_until_complete(body(test.loop, test.clock));
    else
        return test.loop.run_until_complete(body(test.loop));
}

/// The same on the system's time.
template <class Body>
auto run_in_real_time(Body body) {
    TestLoop test(SteadyClock::instance());
    return test.loop.run_until_complete(body(test.loop));
}

/// Counts the rounds of a loop, as the first thing in each of them. Make it before anything else is queued.
/// There is always something to do then, so a virtual clock does not jump.
class RoundCounter {
public:
    explicit RoundCounter(EventLoop& loop) : loop_(loop) { queue(); }
    ~RoundCounter() { next_.cancel(); }
    RoundCounter(const RoundCounter&) = delete;
    RoundCounter& operator=(const RoundCounter&) = delete;
    [[nodiscard]] int now() const noexcept { return round_; }

private:
    void queue() {
        next_ = loop_.call_soon([this] {
            ++round_;
            queue();
        });
    }
    EventLoop& loop_;
    Handle next_;
    int round_ = 0;
};

/// Counts how many of its copies exist, to see that something is destroyed, once.
class Tracer {
public:
    explicit Tracer(int& alive) noexcept : alive_(&alive) { ++*alive_; }
    Tracer(const Tracer& other) noexcept : alive_(other.alive_) { ++*alive_; }
    Tracer& operator=(const Tracer&) = default;
    ~Tracer() { --*alive_; }

private:
    int* alive_;
};

} // namespace aio::test
