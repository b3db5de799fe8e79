#pragma once

/// The rules that every awaitable keeps, checked with one line for each:
///
///     check_conformance("gather", 7, [](Gate& gate) { return gather(gate.future()); });
///
/// The factory makes the awaitable, inside a task, such that it ends once the gate is opened, with the given
/// value (none for `void`). It is then awaited in a task that is cancelled before it starts, when it has
/// asked for that itself, while it waits, and when the value is there but the task has not had its turn (the
/// value must arrive, the cancellation come at the next suspension); each once and twice; and whose loop is
/// closed while it waits, and with the value on its way.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/awaitable.hpp>
#include <aio/core/clock.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/core/suspension.hpp>
#include <aio/executors/thread_pool.hpp>
#include <aio/testing/virtual_clock.hpp>

#include "support/loop_help.hpp"

namespace aio::test {

/// What an awaitable under test waits for.
class Gate {
public:
    /// Of the loop in which it is awaited.
    explicit Gate(testing::VirtualClock& clock) : clock_(clock), open_(std::make_shared<Threads>()) {}
    ~Gate() { open_->open = true; }
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    /// Gets the value 7 when the gate opens.
    Future<int> future() {
        if (!future_) future_ = get_running_loop().create_future<int>();
        return *future_;
    }
    /// A time that has passed when the gate opens, and not before: the test is busy looking.
    [[nodiscard]] static Duration nap() noexcept { return std::chrono::milliseconds(1); }

    struct Threads {
        std::atomic<bool> open = false;
        std::atomic<int> entered = 0;
    };
    /// A call for threads: blocks until the gate opens, and gives 7.
    class Blocker {
    public:
        explicit Blocker(std::shared_ptr<Threads> threads) : threads_(std::move(threads)) {}
        int operator()() const { return until({}); }
        /// Ends also when it is asked to stop.
        int until(const std::stop_token& stop) const {
            ++threads_->entered;
            while (!threads_->open && !stop.stop_requested()) std::this_thread::yield();
            return 7;
        }

    private:
        std::shared_ptr<Threads> threads_;
    };
    Blocker blocker() {
        ++blockers_;
        return Blocker(open_);
    }
    /// For an awaitable that has to wait for something else first, say a connection: it is not taken to wait
    /// before it says that it is there.
    void be_patient() { ++blockers_; }
    void arrive() { ++open_->entered; }
    /// Outlives the loop.
    ThreadPoolExecutor& pool() {
        if (!pool_) pool_.emplace(1);
        return *pool_;
    }

    /// Has `function` called, in a task of the loop or not, when the gate opens.
    void on_open(std::function<void()> function) { functions_.push_back(std::move(function)); }

    /// Opens it for threads; their calls end.
    void open_for_threads() { open_->open = true; }
    void open() {
        open_for_threads();
        clock_.advance(nap());
        if (future_ && !future_->done()) future_->set_result(7);
        for (const auto& function : std::exchange(functions_, {})) function();
    }
    /// Whether calls in threads, if there are any, have begun, and whoever comes late has come.
    [[nodiscard]] bool reached() const { return open_->entered == blockers_; }

private:
    testing::VirtualClock& clock_;
    std::optional<Future<int>> future_;
    std::shared_ptr<Threads> open_;
    std::optional<ThreadPoolExecutor> pool_;
    std::vector<std::function<void()>> functions_;
    int blockers_ = 0;
};

namespace conformance {

/// When the task is cancelled, or its loop closed.
enum class Moment { never, before_start, at_start, waiting, ready };

class Plan {
public:
    Plan(Moment m, int n, bool closes) : moment(m), requests(n), close(closes) {}
    Moment moment;
    /// The number of cancellations, "stop" being the first message.
    int requests;
    bool close;
};

/// What became of the task.
class Record {
public:
    Record() = default;
    int alive = 0;
    bool started = false;
    bool returned = false;
    bool value_is_right = false;
    std::string await_threw;
    std::string next;
};

/// Looks into a suspension.
class Peek : public detail::Suspension {
public:
    static bool waits(const Task<>& task) {
        const detail::Suspension* const at = task.task().waiting_on();
        return at != nullptr && (at->*&Peek::pending)();
    }
    static bool has_value_coming(const Task<>& task) {
        const detail::Suspension* const at = task.task().waiting_on();
        return at != nullptr && !(at->*&Peek::pending)();
    }

protected:
    ~Peek() = default;
};

inline void request(Task<>& task, int times) {
    for (int i = 0; i < times; ++i) CHECK(task.cancel(i == 0 ? "stop" : "again"));
}

/// Looks once a round, before whatever libuv or a timer has made ready in that round has its turn. Virtual
/// time stands still meanwhile; the limit, for what never happens, is one of real time.
template <class Condition>
Coro<> look_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        co_await sleep(std::chrono::seconds(0));
    }
}

template <class Make, class Expected>
Coro<> subject(Make& make, const Expected& expected, Gate& gate, Plan plan, Record& record) {
    const Tracer tracer(record.alive);
    record.started = true;
    if (plan.moment == Moment::at_start) {
        for (int i = 0; i < plan.requests; ++i) current_task().cancel(i == 0 ? "stop" : "again");
    }
    bool failed = false;
    try {
        if constexpr (std::is_void_v<await_result_t<std::invoke_result_t<Make&, Gate&>>>) {
            co_await make(gate);
            record.value_is_right = std::is_same_v<Expected, std::monostate>;
        } else {
            const auto value = co_await make(gate);
            record.value_is_right = value == expected;
        }
        record.returned = true;
    } catch (...) {
        record.await_threw = text_of(std::current_exception());
        failed = true;
    }
    record.next = co_await outcome(sleep(std::chrono::seconds(0)));
    if (failed) throw CancelledError("passed on");
}

template <class Make, class Expected>
Coro<> drive(Make& make, const Expected& expected, Gate& gate, Plan plan, Record& record, Task<>& task,
             bool instant) {
    task = get_running_loop().create_task(subject(make, expected, gate, plan, record));
    const auto waits = [&] { return Peek::waits(task) && gate.reached(); };
    const auto comes = [&] { return Peek::has_value_coming(task) && gate.reached(); };
    switch (plan.moment) {
    case Moment::before_start: request(task, plan.requests); break;
    case Moment::never:
        co_await look_until([&] { return waits() || comes() || task.done(); });
        gate.open();
        break;
    case Moment::at_start: break;
    case Moment::waiting:
        co_await look_until(waits);
        if (!instant) co_await rounds(3);
        CHECK(waits());
        request(task, plan.requests);
        break;
    case Moment::ready:
        co_await look_until([&] { return waits() || comes(); });
        gate.open();
        co_await look_until(comes);
        request(task, plan.requests);
        break;
    }
    // Ends the run at once, in the middle of a round.
    if (plan.close) throw SystemExit();
    co_await look_until([&] { return task.done(); });
    gate.open();
}

template <class Make, class Expected>
void play(Make& make, const Expected& expected, Plan plan, bool instant) {
    CAPTURE(static_cast<int>(plan.moment));
    CAPTURE(plan.requests);
    CAPTURE(plan.close);
    Record record;
    Task<> task;
    testing::VirtualClock clock;
    Gate gate(clock);
    TestLoop test(clock);
    try {
        test.loop.run_until_complete(drive(make, expected, gate, plan, record, task, instant));
    } catch (const SystemExit&) {
        CHECK(plan.close);
    }
    if (plan.close) {
        CHECK_FALSE(task.done());
        CHECK(record.alive == 1);
        // A loop cannot close while libuv's threads work for it.
        gate.open_for_threads();
        test.loop.close();
        CHECK(task.cancelled());
        CHECK(record.alive == 0);
        CHECK_FALSE(record.returned);
        CHECK(record.await_threw.empty());
        CHECK(test.reports.size() >= 1);
        // What still hangs in the future is not called: at worst, whoever sets it is told.
        CHECK_NOTHROW(static_cast<void>(thrown_by([&] { gate.open(); })));
        return;
    }
    CHECK(record.alive == 0);
    CHECK(task.cancelling() == static_cast<unsigned>(plan.requests));
    CHECK(test.reports.empty());
    switch (plan.moment) {
    case Moment::before_start:
        CHECK_FALSE(record.started);
        CHECK(task.cancelled());
        break;
    case Moment::at_start:
    case Moment::waiting:
        CHECK(record.await_threw == "cancelled: stop");
        CHECK(record.next == "value");
        CHECK(task.cancelled());
        break;
    case Moment::never:
    case Moment::ready:
        CHECK(record.await_threw.empty());
        CHECK(record.value_is_right);
        CHECK(record.next == (plan.moment == Moment::never ? "value" : "cancelled: stop"));
        CHECK_FALSE(task.cancelled());
        break;
    }
}

} // namespace conformance

/// An awaitable that only gives way is ready from the start: `instant`.
template <class Expected, class Make>
void check_conformance(const char* name, const Expected& expected, Make make, bool instant = false) {
    using conformance::Moment;
    using conformance::Plan;
    CAPTURE(name);
    conformance::play(make, expected, Plan(Moment::never, 0, false), instant);
    for (int times = 1; times <= 2; ++times) {
        conformance::play(make, expected, Plan(Moment::before_start, times, false), instant);
        conformance::play(make, expected, Plan(Moment::at_start, times, false), instant);
        conformance::play(make, expected, Plan(Moment::waiting, times, false), instant);
        if (!instant) conformance::play(make, expected, Plan(Moment::ready, times, false), instant);
    }
    conformance::play(make, expected, Plan(Moment::waiting, 0, true), instant);
    if (!instant) {
        conformance::play(make, expected, Plan(Moment::ready, 0, true), instant);
        conformance::play(make, expected, Plan(Moment::ready, 1, true), instant);
    }
    conformance::play(make, expected, Plan(Moment::waiting, 1, true), instant);
}
/// One that gives no value.
template <class Make>
    requires std::invocable<Make&, Gate&>
void check_conformance(const char* name, Make make, bool instant = false) {
    check_conformance(name, std::monostate(), std::move(make), instant);
}

} // namespace aio::test
