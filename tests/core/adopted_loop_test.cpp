#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/aio.hpp>

namespace {

using namespace std::chrono_literals;

/// A libuv loop that belongs to the program.
class UvLoop {
public:
    UvLoop() { uv_loop_init(&loop_); }
    ~UvLoop() {
        // The handles of an EventLoop that is gone finish closing in the owner's next run.
        uv_run(&loop_, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(&loop_) == 0);
    }
    UvLoop(const UvLoop&) = delete;
    UvLoop& operator=(const UvLoop&) = delete;
    uv_loop_t* get() noexcept { return &loop_; }

private:
    uv_loop_t loop_{};
};

aio::Coro<> count_to(int n, std::vector<int>& seen) {
    for (int i = 1; i <= n; ++i) {
        co_await aio::sleep(1ms);
        seen.push_back(i);
    }
}

} // namespace

TEST_CASE("tasks run as part of the turns of an adopted libuv loop, which ends when they have") {
    UvLoop uv;
    std::vector<int> seen;
    {
        aio::EventLoop loop(uv.get());
        aio::Task<> task = loop.create_task(count_to(3, seen));
        uv_run(uv.get(), UV_RUN_DEFAULT);
        CHECK(task.done());
    }
    CHECK(seen == std::vector<int>{1, 2, 3});
}

TEST_CASE("an adopted loop's own handles and our tasks share its turns") {
    UvLoop uv;
    aio::EventLoop loop(uv.get());
    aio::Future<> rang = loop.create_future<>();
    uv_timer_t timer;
    uv_timer_init(uv.get(), &timer);
    timer.data = &rang;
    uv_timer_start(
        &timer,
        [](uv_timer_t* t) {
            static_cast<aio::Future<>*>(t->data)->set_result();
            uv_close(reinterpret_cast<uv_handle_t*>(t), nullptr);
        },
        1, 0);
    bool heard = false;
    const auto listen = [&]() -> aio::Coro<> {
        co_await rang;
        heard = true;
    };
    loop.create_task(listen());
    uv_run(uv.get(), UV_RUN_DEFAULT);
    CHECK(heard);
}

TEST_CASE("the running loop is known inside tasks of an adopted loop") {
    UvLoop uv;
    aio::EventLoop loop(uv.get());
    aio::EventLoop* seen = nullptr;
    loop.call_soon([&] { seen = &aio::get_running_loop(); });
    uv_run(uv.get(), UV_RUN_DEFAULT);
    CHECK(seen == &loop);
    CHECK_THROWS_AS(static_cast<void>(aio::get_running_loop()), aio::RuntimeError);
}

TEST_CASE("an adopted loop can be run by us as well, and waits for other threads then") {
    UvLoop uv;
    aio::EventLoop loop(uv.get());
    aio::Future<int> answer = loop.create_future<int>();
    std::jthread other([&] { loop.call_soon_threadsafe([&] { answer.set_result(42); }); });
    CHECK(loop.run_until_complete(answer) == 42);
}

TEST_CASE("an exception that would end a run call is reported in a loop that its owner runs") {
    UvLoop uv;
    aio::EventLoop loop(uv.get());
    std::string report;
    loop.set_exception_handler(
        [&](aio::EventLoop&, const aio::ErrorContext& context) { report = aio::describe(context); });
    loop.call_soon([] { throw aio::SystemExit(3); });
    uv_run(uv.get(), UV_RUN_DEFAULT);
    CHECK(report.find("system exit 3") != std::string::npos);
}

TEST_CASE("the default executor works on an adopted loop and keeps it alive until its calls have ended") {
    UvLoop uv;
    aio::EventLoop loop(uv.get());
    int result = 0;
    const auto compute = [&]() -> aio::Coro<> {
        const auto square = [](int n) { return n * n; };
        result = co_await aio::to_thread(square, 12);
    };
    loop.create_task(compute());
    uv_run(uv.get(), UV_RUN_DEFAULT);
    CHECK(result == 144);
}

TEST_CASE("a call in a pool of threads keeps an adopted loop alive until its result has come") {
    UvLoop uv;
    aio::EventLoop loop(uv.get());
    aio::ThreadPoolExecutor threads(1);
    int result = 0;
    const auto compute = [&]() -> aio::Coro<> {
        const auto square = [](int n) { return n * n; };
        result = co_await aio::get_running_loop().run_in_executor(threads, square, 12);
    };
    loop.create_task(compute());
    uv_run(uv.get(), UV_RUN_DEFAULT);
    CHECK(result == 144);
}

TEST_CASE("an adopted libuv loop runs tasks as part of its owner's turns") {
    UvLoop uv;
    std::string order;
    std::vector<std::string> reports;
    {
        aio::EventLoop loop(uv.get());
        loop.set_exception_handler(
            [&](aio::EventLoop&, const aio::ErrorContext& c) { reports.push_back(c.message); });
        const auto main = [&]() -> aio::Coro<> {
            co_await aio::sleep(0s);
            co_await aio::sleep(2ms);
            CHECK_THROWS_AS(loop.close(), aio::RuntimeError);
            CHECK_THROWS_AS(loop.run_forever(), aio::RuntimeError);
            order += "done";
        };
        const aio::Task<> task = loop.create_task(main());
        CHECK(uv_run(uv.get(), UV_RUN_DEFAULT) == 0);
        CHECK(order == "done");
        CHECK(task.done());
        // An exception has nowhere to go but to the handler.
        loop.call_soon([] { throw aio::SystemExit(6); });
        uv_run(uv.get(), UV_RUN_DEFAULT);
        CHECK(reports.size() == 1);
        // It can be run from this side as well.
        loop.run_until_complete(aio::sleep(0s));
    }
}
