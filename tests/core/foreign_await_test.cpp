#include <atomic>
#include <chrono>
#include <coroutine>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/wait_for.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

// Awaitables as a program might bring them along: they know nothing of aiouv, and resume a bare coroutine
// handle.
namespace {

/// Ready from the start.
struct Immediate {
    explicit Immediate(int n) : value(n) {}
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    int await_resume() const { return value; }
    int value;
};

/// Resumes inside `await_suspend`.
struct ResumesInside {
    explicit ResumesInside(std::string s) : text(std::move(s)) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) const { caller.resume(); }
    std::string await_resume() { return std::move(text); }
    std::string text;
};

/// Suspends, and takes it back.
struct Declines {
    Declines() = default;
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
    void await_resume() const noexcept {}
};

/// Transfers straight back to the caller.
struct TransfersBack {
    TransfersBack() = default;
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) const noexcept { return caller; }
    int await_resume() const noexcept { return 3; }
};

/// Throws from `await_suspend`.
struct ThrowsInside {
    ThrowsInside() = default;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const { throw std::runtime_error("cannot wait"); }
    void await_resume() const noexcept {}
};

/// Resumes from a timer of the loop. On real time only: virtual time stands still while a foreign awaitable
/// is waited for, because a thread may be about to resume it.
struct Later {
    explicit Later(EventLoop& l, int n = 0) : loop(l), value(n) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) {
        loop.call_later(1ms, [caller] { caller.resume(); });
    }
    int await_resume() const {
        if (value < 0) throw std::runtime_error("negative");
        return value;
    }
    EventLoop& loop;
    int value;
};

/// Resumes on a thread of its own.
struct OnThread {
    explicit OnThread(int n) : value(n) {}
    OnThread(const OnThread&) = delete;
    OnThread& operator=(const OnThread&) = delete;
    ~OnThread() {
        if (thread.joinable()) thread.join();
    }
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) {
        thread = std::thread([caller] { caller.resume(); });
    }
    std::unique_ptr<int> await_resume() const { return std::make_unique<int>(value); }
    int value;
    std::thread thread;
};

/// Found by its member operator.
struct HasOperator {
    explicit HasOperator(EventLoop& l) : loop(l) {}
    Later operator co_await() const { return Later(loop, 8); }
    EventLoop& loop;
};

/// Found by a free operator.
struct HasFreeOperator {
    explicit HasFreeOperator(EventLoop& l) : loop(l) {}
    EventLoop& loop;
};
Later operator co_await(const HasFreeOperator& awaitable) { return Later(awaitable.loop, 9); }

/// Its operator gives a reference to an awaiter that cannot be copied.
struct HasReferenceOperator {
    explicit HasReferenceOperator(int n) : awaiter(n) {}
    OnThread& operator co_await() { return awaiter; }
    OnThread awaiter;
};

} // namespace

TEST_CASE("a foreign awaitable that needs no waiting goes on at once") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const RoundCounter counter(loop);
        co_await rounds(1);
        const int before = counter.now();
        const int a = co_await Immediate(1);
        const std::string b = co_await ResumesInside("two, which is too long for the small string buffer");
        co_await Declines();
        const int c = co_await TransfersBack();
        CHECK(a == 1);
        CHECK(b == "two, which is too long for the small string buffer");
        CHECK(c == 3);
        CHECK(counter.now() == before);
        CHECK(co_await outcome(ThrowsInside()) == "cannot wait");
        CHECK(current_task().cancelling() == 0);
        co_await sleep(0s);
    });
}

TEST_CASE(
    "a foreign awaitable is awaited as a temporary, by name, through operators, and hands on its exception") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        const AnyTask me = current_task();
        Later named(loop, 5);
        const int a = co_await named;
        const int b = co_await Later(loop, 6);
        const int c = co_await HasOperator(loop);
        const int d = co_await HasFreeOperator(loop);
        CHECK(a == 5);
        CHECK(b == 6);
        CHECK(c == 8);
        CHECK(d == 9);
        CHECK(co_await outcome(Later(loop, -1)) == "negative");
        // It goes on inside its task.
        CHECK(current_task() == me);
    });
}

TEST_CASE("a foreign awaitable that resumes on another thread: the task goes on on its own") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const std::thread::id home = std::this_thread::get_id();
        const AnyTask me = current_task();
        for (int i = 0; i < 200; ++i) {
            const std::unique_ptr<int> value = co_await OnThread(i);
            CHECK(*value == i);
            CHECK(std::this_thread::get_id() == home);
            CHECK(current_task() == me);
        }
        CHECK(&get_running_loop() == &loop);
        HasReferenceOperator named(7);
        const std::unique_ptr<int> value = co_await named;
        CHECK(*value == 7);
    });
}

TEST_CASE("a wait for a foreign awaitable is shielded; the cancellation comes at the next suspension") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        std::string log;
        const auto body = [&]() -> Coro<> {
            const int n = co_await Later(loop, 5);
            log += std::to_string(n);
            log += co_await outcome(sleep(0s));
        };
        Task<> task = loop.create_task(body());
        co_await rounds(1);
        CHECK(task.cancel("meanwhile"));
        co_await task;
        CHECK(log == "5cancelled: meanwhile");
    });
}

TEST_CASE("foreign awaitables are taken by create_task helpers, gather and wait_for") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        const auto [a, b] = co_await gather(Later(loop, 1), Later(loop, 2));
        CHECK(a == 1);
        CHECK(b == 2);
        const int c = co_await wait_for(Later(loop, 3), 1h);
        CHECK(c == 3);
        // It cannot be broken off: its value arrives although the time is up.
        const int d = co_await wait_for(Later(loop, 4), 1us);
        CHECK(d == 4);
    });
}
