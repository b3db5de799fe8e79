#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/mailbox.hpp>
#include <aio/core/sleep.hpp>
#include <aio/executors/run_coroutine_threadsafe.hpp>
#include <aio/uv/async.hpp>
#include <aio/uv/loop.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

/// A loop that runs in a thread until this object goes. On real time: a virtual clock does not know that
/// other threads will still call, and would jump.
class LoopThread {
public:
    LoopThread() : thread_([this] { test_->loop.run_until_complete(end_); }) {}
    ~LoopThread() {
        loop().call_soon_threadsafe([this] { end_.set_result(); });
        thread_.join();
    }
    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;
    [[nodiscard]] EventLoop& loop() noexcept { return test_->loop; }
    [[nodiscard]] std::vector<std::string>& reports() noexcept { return test_->reports; }

private:
    std::unique_ptr<TestLoop> test_ = std::make_unique<TestLoop>(SteadyClock::instance());
    Future<> end_ = test_->loop.create_future();
    std::thread thread_;
};

void wait_until(const std::atomic<bool>& flag) {
    while (!flag.load()) std::this_thread::yield();
}

} // namespace

TEST_CASE("rule 67: what threads post runs on the loop's thread, for each thread in the order of its calls") {
    constexpr int per_thread = 2000;
    constexpr int thread_count = 4;
    TestLoop test;
    std::vector<int> last(thread_count, -1);
    int out_of_order = 0;
    int wrong_thread = 0;
    int arrived = 0;
    const std::thread::id home = std::this_thread::get_id();
    std::vector<std::thread> threads;
    std::latch start(thread_count);
    for (int t = 0; t < thread_count; ++t) {
        threads.emplace_back([&, t] {
            start.arrive_and_wait();
            for (int i = 0; i < per_thread; ++i) {
                test.loop.call_soon_threadsafe([&, t, i] {
                    const auto index = static_cast<std::size_t>(t);
                    out_of_order += last[index] + 1 != i ? 1 : 0;
                    wrong_thread += std::this_thread::get_id() != home ? 1 : 0;
                    last[index] = i;
                    if (++arrived == per_thread * thread_count) test.loop.stop();
                });
            }
        });
    }
    test.loop.run_forever();
    for (std::thread& thread : threads) thread.join();
    CHECK(arrived == per_thread * thread_count);
    CHECK(out_of_order == 0);
    CHECK(wrong_thread == 0);
}

TEST_CASE("rule 67: a post wakes a loop that has nothing else to do") {
    LoopThread background;
    for (int i = 0; i < 50; ++i) {
        std::atomic<bool> called = false;
        background.loop().call_soon_threadsafe([&] { called = true; });
        wait_until(called);
    }
}

TEST_CASE("rule 67: on the loop's own thread it keeps its place among other callbacks") {
    TestLoop test;
    std::string order;
    test.loop.call_soon([&] {
        test.loop.call_soon([&] { order += 'a'; });
        test.loop.call_soon_threadsafe([&] { order += 'b'; });
        test.loop.call_soon([&] { order += 'c'; });
    });
    test.loop.run_until_complete(rounds(2));
    CHECK(order == "abc");
}

TEST_CASE("rule 67: what a thread has posted before comes before what is queued afterwards") {
    std::string order;
    const auto note = [&](char c) { order += c; };
    SUBCASE("while the loop runs") {
        TestLoop test;
        const auto main = [&]() -> Coro<> {
            test.loop.call_soon(note, 'a');
            std::thread([&] { test.loop.call_soon_threadsafe(note, 'b'); }).join();
            test.loop.call_soon(note, 'c');
            std::thread([&] { test.loop.call_soon_threadsafe(note, 'd'); }).join();
            const auto task = [&]() -> Coro<> {
                note('e');
                co_return;
            };
            create_task(task());
            test.loop.call_soon_threadsafe(note, 'f');
            co_await rounds(2);
        };
        test.loop.run_until_complete(main());
    }
    SUBCASE("before it runs") {
        TestLoop test;
        test.loop.call_soon_threadsafe(note, 'a');
        test.loop.call_soon(note, 'b');
        std::thread([&] { test.loop.call_soon_threadsafe(note, 'c'); }).join();
        test.loop.call_soon(note, 'd');
        test.loop.call_soon_threadsafe(note, 'e');
        test.loop.call_soon_threadsafe(note, 'f');
        test.loop.run_until_complete(rounds(2));
    }
    CHECK(order == "abcdef");
}

TEST_CASE("rule 67: cancelling from another thread waits for a callback that is running") {
    LoopThread background;
    for (int i = 0; i < 20; ++i) {
        std::atomic<bool> inside = false;
        std::atomic<bool> cancelling = false;
        std::atomic<bool> finished = false;
        ThreadsafeHandle handle = background.loop().call_soon_threadsafe([&] {
            inside = true;
            wait_until(cancelling);
            // Long enough for a cancel that does not wait to be found out.
            for (int k = 0; k < 200; ++k) std::this_thread::yield();
            finished = true;
        });
        wait_until(inside);
        cancelling = true;
        handle.cancel();
        CHECK(finished.load());
        CHECK(handle.cancelled());
    }
}

TEST_CASE("rule 67: a callback cancelled in time does not run; one may cancel itself; dropping a handle "
          "changes nothing") {
    TestLoop test;
    std::string order;
    std::optional<ThreadsafeHandle> own;
    std::thread([&] {
        ThreadsafeHandle early = test.loop.call_soon_threadsafe([&] { order += 'x'; });
        early.cancel();
        own = test.loop.call_soon_threadsafe([&] {
            order += 'a';
            own->cancel();
        });
        static_cast<void>(test.loop.call_soon_threadsafe([&] { order += 'b'; }));
    }).join();
    test.loop.run_until_complete(rounds(3));
    CHECK(order == "ab");
    ThreadsafeHandle().cancel();
}

TEST_CASE("rule 67: a posted callable is destroyed on the loop's thread, whoever holds the handle longest") {
    TestLoop test;
    const std::thread::id home = std::this_thread::get_id();
    std::vector<std::thread::id> destroyed_on;
    std::vector<ThreadsafeHandle> handles;
    std::thread([&] {
        for (int i = 0; i < 2; ++i) {
            auto last = std::shared_ptr<int>(new int(i), [&](const int* n) {
                delete n;
                destroyed_on.push_back(std::this_thread::get_id());
            });
            handles.push_back(
                test.loop.call_soon_threadsafe([last = std::move(last)] { static_cast<void>(last); }));
        }
    }).join();
    SUBCASE("when it has run, and when it was cancelled") {
        handles.back().cancel();
        test.loop.run_until_complete(rounds(2));
    }
    SUBCASE("when the loop closes first") { test.loop.close(); }
    CHECK(destroyed_on == std::vector{home, home});
}

TEST_CASE("rule 67: errors of posted callbacks are reported, and the loop goes on") {
    TestLoop test;
    bool next = false;
    std::thread([&] {
        test.loop.call_soon_threadsafe([] { throw std::runtime_error("posted"); });
        test.loop.call_soon_threadsafe([&] { next = true; });
    }).join();
    test.loop.run_until_complete(rounds(3));
    CHECK(next);
    REQUIRE(test.reports.size() == 1);
    CHECK(test.reports[0] == "Exception in callback: posted");
}

TEST_CASE("rule 67: threads that post while the loop closes get an error or are dropped, and nothing leaks") {
    for (int i = 0; i < 20; ++i) {
        auto alive = std::make_shared<std::atomic<int>>(0);
        TestLoop test;
        std::atomic<bool> refused = false;
        std::atomic<int> begun = 0;
        std::thread thread([&] {
            ++begun;
            while (begun != 2) std::this_thread::yield();
            try {
                for (;;) {
                    test.loop.call_soon_threadsafe([alive] { ++*alive; });
                    while (alive.use_count() > 10000) std::this_thread::yield();
                }
            } catch (const RuntimeError&) {
                refused = true;
            }
        });
        ++begun;
        while (begun != 2) std::this_thread::yield();
        test.loop.run_until_complete(rounds(2));
        test.loop.close();
        thread.join();
        CHECK(refused.load());
        CHECK(alive.use_count() == 1);
    }
}

TEST_CASE("mailbox: what is posted is delivered in order, once; a closed one drops") {
    struct Item final : detail::MailboxItem {
        Item(std::string& text, char name) : log(&text), letter(name) {}
        void deliver() noexcept override { *log += letter; }
        void drop() noexcept override { *log += static_cast<char>(letter - 'a' + 'A'); }
        std::string* log;
        char letter;
    };
    std::string log;
    uv::Loop loop;
    struct Wake {
        void on_wake() noexcept { ++count; }
        int count = 0;
    } wake;
    uv::Async async(loop, uv::bind<&Wake::on_wake>(wake));
    detail::Mailbox mailbox(async);
    Item a(log, 'a');
    Item b(log, 'b');
    Item c(log, 'c');
    CHECK(mailbox.try_post(a));
    CHECK(mailbox.try_post(b));
    loop.run(uv::Loop::Mode::no_wait);
    CHECK(wake.count == 1);
    mailbox.deliver_all();
    mailbox.deliver_all();
    CHECK(log == "ab");
    // Delivered items can be sent again.
    mailbox.post(a);
    mailbox.post(c);
    mailbox.close();
    CHECK(log == "abAC");
    CHECK_FALSE(mailbox.try_post(b));
    mailbox.post(b);
    CHECK(log == "abACB");
}

TEST_CASE(
    "rule 56: a coroutine started from another thread gives its result, its error, or its cancellation") {
    LoopThread background;
    const auto compute = [](int n) -> Coro<int> {
        co_await sleep(0s);
        if (n < 0) throw std::runtime_error("negative");
        co_return n * 2;
    };
    CHECK(run_coroutine_threadsafe(compute(21), background.loop()).result() == 42);
    CHECK(thrown_by([&] {
              static_cast<void>(run_coroutine_threadsafe(compute(-1), background.loop()).result());
          }) == "negative");

    std::atomic<bool> waiting = false;
    std::atomic<bool> cancelled = false;
    const auto wait = [&]() -> Coro<> {
        get_running_loop().call_soon([&] { waiting = true; });
        const std::string end = co_await outcome(sleep(1h));
        cancelled = end == "cancelled";
        throw CancelledError();
    };
    ConcurrentFuture<> future = run_coroutine_threadsafe(wait(), background.loop());
    wait_until(waiting);
    CHECK(future.cancel());
    wait_until(cancelled);
    CHECK(future.cancelled());
}

TEST_CASE("rule 56: a closed loop refuses the coroutine, and destroys it") {
    TestLoop test;
    test.loop.close();
    int alive = 0;
    const auto body = [](Tracer) -> Coro<> { co_return; };
    CHECK_THROWS_AS(static_cast<void>(run_coroutine_threadsafe(body(Tracer(alive)), test.loop)),
                    RuntimeError);
    CHECK(alive == 0);
}
