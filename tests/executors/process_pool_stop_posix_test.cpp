#include "process_help_posix.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <aio/workers/worker_task.hpp>

#include <doctest/doctest.h>

#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

int pid() { return ::getpid(); }
int square(int x) { return x * x; }

/// Shows that it runs, waits until it is asked to stop, and shows that.
int wait_for_stop(std::stop_token token, const std::string& begun, const std::string& ended) {
    processes::touch(begun);
    while (!token.stop_requested()) ::usleep(500);
    processes::touch(ended);
    return 17;
}
int ask_for_stop(const std::string& begun) {
    processes::touch(begun);
    while (!aio::worker_task().stop_requested()) ::usleep(500);
    return 18;
}
/// Hears of SIGTERM, and goes on.
void ignore_term(const std::string& begun, const std::string& heard) {
    static std::string path;
    path = heard;
    // Nothing but a system call is safe in a handler.
    std::signal(SIGTERM, [](int) { ::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0600)); });
    processes::touch(begun);
    for (;;) ::pause();
}
bool asked() {
    return aio::worker_task().stop_requested() || aio::worker_task().stop_token().stop_requested();
}
std::size_t threads() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) ++count;
    return count;
}
std::size_t threads_with_token(std::stop_token) { return threads(); }

struct WaitForStop {
    std::string begun;
    int operator()(std::stop_token token, int value) const {
        processes::touch(begun);
        while (!token.stop_requested()) ::usleep(500);
        return value;
    }
};

/// How the call ended, as a word.
template <class T>
aio::Coro<std::string> end_of(aio::Future<T> future) {
    std::string text = "value";
    try {
        co_await future;
    } catch (const aio::WorkerCrashed& error) {
        text = "signal " + std::to_string(error.exit().signal);
    } catch (const aio::TimeoutError& error) {
        text = std::string("timeout: ") + error.what();
    } catch (const aio::CancelledError& error) {
        text = "cancelled: " + error.message();
    } catch (const std::exception& error) {
        text = error.what();
    }
    co_return text;
}

/// Graces so long that only what needs no signal ends in time, or so short that nobody waits for them.
aio::ProcessPoolOptions patient() {
    return aio::ProcessPoolOptions().max_workers(1).stop_grace(1h).kill_grace(1h);
}
aio::ProcessPoolOptions hasty() {
    return aio::ProcessPoolOptions().max_workers(1).stop_grace(1ms).kill_grace(1ms);
}

} // namespace

TEST_CASE("rule 100: cancelling the future of a running call in a process asks it to stop, and it may end by "
          "itself") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(patient());
        const int worker = co_await loop.run_in_executor(pool, pid);
        auto running = loop.run_in_executor(pool, wait_for_stop, folder.file("a"), folder.file("b"));
        co_await processes::appearance(folder.file("a"));
        CHECK(running.cancel());
        co_await processes::appearance(folder.file("b"));
        // The worker lives on, and the next call knows nothing of the wish.
        const bool next = co_await loop.run_in_executor(pool, asked);
        CHECK_FALSE(next);
        const int same = co_await loop.run_in_executor(pool, pid);
        CHECK(same == worker);
        CHECK(pool.statistics().stopped == 1);
    }));
}

TEST_CASE("rule 100: a task that is cancelled while it awaits a call in a process stops it") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(patient());
        bool late = false;
        try {
            auto call = loop.run_in_executor(pool, wait_for_stop, folder.file("a"), folder.file("b"));
            co_await processes::appearance(folder.file("a"));
            co_await aio::wait_for(call, 1ms);
        } catch (const aio::TimeoutError&) {
            late = true;
        }
        CHECK(late);
        co_await processes::appearance(folder.file("b"));
    }));
}

TEST_CASE(
    "process pool: what a call that is asked to stop returns counts, for functions, lambdas and functors") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(patient());
        const auto lambda = [](std::stop_token token, std::string begun) {
            processes::touch(begun);
            while (!token.stop_requested()) ::usleep(500);
            return 19;
        };
        const auto function = pool.submit(wait_for_stop, folder.file("a"), folder.file("b"));
        co_await processes::appearance(folder.file("a"));
        CHECK_FALSE(function.cancel());
        function.request_stop();
        const int first = co_await aio::wrap_future(function);
        CHECK(first == 17);
        const auto asking = pool.submit(ask_for_stop, folder.file("c"));
        co_await processes::appearance(folder.file("c"));
        asking.request_stop();
        const int second = co_await aio::wrap_future(asking);
        CHECK(second == 18);
        const auto stateless = pool.submit(lambda, folder.file("d"));
        co_await processes::appearance(folder.file("d"));
        stateless.request_stop();
        const int third = co_await aio::wrap_future(stateless);
        CHECK(third == 19);
        const auto functor = pool.submit(WaitForStop{folder.file("e")}, 20);
        co_await processes::appearance(folder.file("e"));
        // From another thread.
        std::thread other([&] { functor.request_stop(); });
        const int fourth = co_await aio::wrap_future(functor);
        other.join();
        CHECK(fourth == 20);
        // The thread behind a token is there only with the token.
        const std::size_t with = co_await loop.run_in_executor(pool, threads_with_token);
        const std::size_t without = co_await loop.run_in_executor(pool, threads);
        CHECK(with == without + 1);
        CHECK_FALSE(static_cast<bool>(aio::worker_task()));
        CHECK_FALSE(aio::worker_task().stop_requested());
    }));
}

TEST_CASE("rule 100: a call that does not stop by itself is ended by SIGTERM, and the others go on") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(
            aio::ProcessPoolOptions().max_workers(1).stop_grace(1ms).kill_grace(1h));
        const auto running = pool.submit(processes::begin_and_stay, folder.file("a"));
        auto queued = loop.run_in_executor(pool, square, 4);
        co_await processes::appearance(folder.file("a"));
        running.request_stop();
        running.request_stop();
        const std::string end = co_await end_of(aio::wrap_future(running));
        CHECK(end.starts_with("cancelled: the call was stopped"));
        CHECK(end.find("signal 15") != std::string::npos);
        const int value = co_await queued;
        CHECK(value == 16);
    }));
}

TEST_CASE("rule 100: a call that ignores SIGTERM is killed after the second grace") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(
            aio::ProcessPoolOptions().max_workers(1).stop_grace(1ms).kill_grace(1s));
        const auto running = pool.submit(ignore_term, folder.file("a"), folder.file("b"));
        co_await processes::appearance(folder.file("a"));
        running.request_stop();
        const std::string end = co_await end_of(aio::wrap_future(running));
        CHECK(end.find("signal 9") != std::string::npos);
        CHECK(std::filesystem::exists(folder.file("b")));
        const int value = co_await loop.run_in_executor(pool, square, 5);
        CHECK(value == 25);
    }));
}

TEST_CASE("process pool: no signal meant for one call hits the next") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(hasty().max_workers(2));
        const auto stop_late = [](std::stop_token token, int x) {
            while (!token.stop_requested()) ::usleep(100);
            // About when the grace is over.
            ::usleep(static_cast<useconds_t>(x * 100));
        };
        const auto work = [](int x) {
            ::usleep(300);
            return x;
        };
        for (int round = 0; round < 40; ++round) {
            auto stopped =
                loop.run_in_executor(pool, aio::ProcessCallOptions().timeout(1ms), stop_late, round % 20);
            auto first = loop.run_in_executor(pool, work, round);
            auto second = loop.run_in_executor(pool, work, round + 1);
            auto third = loop.run_in_executor(pool, work, round + 2);
            const int a = co_await first;
            const int b = co_await second;
            const int c = co_await third;
            CHECK(a + b + c == 3 * round + 3);
            const std::string end = co_await end_of(stopped);
            CHECK(end.starts_with("timeout: "));
        }
    }));
}

TEST_CASE("process pool: a call that takes longer than its timeout is stopped and fails with TimeoutError") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor polite(patient());
        const std::string asked =
            co_await end_of(loop.run_in_executor(polite, aio::ProcessCallOptions().timeout(1ms),
                                                 wait_for_stop, folder.file("a"), folder.file("b")));
        CHECK(asked == "timeout: the call had not ended after 0.001 s: it ended when it was asked to");
        aio::ProcessPoolExecutor pool(hasty());
        const std::string ended =
            co_await end_of(loop.run_in_executor(pool, aio::ProcessCallOptions().timeout(5ms).retries(3),
                                                 processes::begin_and_stay, folder.file("c")));
        CHECK(ended.starts_with("timeout: the call had not ended after 0.005 s: worker process "));
        CHECK(ended.find(" was killed by signal ") != std::string::npos);
        const int value =
            co_await loop.run_in_executor(pool, aio::ProcessCallOptions().timeout(1h), square, 5);
        CHECK(value == 25);
        CHECK(pool.statistics().timed_out == 1);
        CHECK_THROWS_AS(aio::ProcessCallOptions().timeout(0s), aio::ValueError);
    }));
}

TEST_CASE(
    "process pool: the timeout counts from when a worker gets the call, not from when it is submitted") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(patient());
        const auto wait_for_file = [](std::string begun, std::string path) {
            processes::touch(begun);
            while (!std::filesystem::exists(path)) ::usleep(500);
        };
        auto running = loop.run_in_executor(pool, wait_for_file, folder.file("a"), folder.file("go"));
        auto queued = loop.run_in_executor(pool, aio::ProcessCallOptions().timeout(10s), square, 6);
        co_await processes::appearance(folder.file("a"));
        CHECK(pool.statistics().queued == 1);
        processes::touch(folder.file("go"));
        co_await running;
        const int value = co_await queued;
        CHECK(value == 36);
    }));
}

TEST_CASE("process pool: a call cancelled before its worker has read it does not run") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(hasty());
        const auto leave_trace = [](const std::string& path, const std::string&) { processes::touch(path); };
        const int worker = co_await loop.run_in_executor(pool, pid);
        ::kill(worker, SIGSTOP);
        const auto small = pool.submit(leave_trace, folder.file("a"), std::string());
        small.request_stop();
        ::kill(worker, SIGCONT);
        const std::string first = co_await end_of(aio::wrap_future(small));
        // It may have come to run meanwhile.
        CHECK((first == "value" || first.starts_with("cancelled")));
        const int next = co_await loop.run_in_executor(pool, pid);
        ::kill(next, SIGSTOP);
        const auto large = pool.submit(leave_trace, folder.file("b"), std::string(20'000'000, 'x'));
        large.request_stop();
        const std::string second = co_await end_of(aio::wrap_future(large));
        CHECK(second.starts_with("cancelled"));
        CHECK_FALSE(std::filesystem::exists(folder.file("b")));
        const int value = co_await loop.run_in_executor(pool, square, 7);
        CHECK(value == 49);
    }));
}

TEST_CASE(
    "rule 116: terminate_workers and kill_workers refuse calls, cancel queued ones and end all workers") {
    for (const bool at_once : {false, true}) {
        CHECK(processes::in_time([at_once]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            processes::Folder folder;
            aio::ProcessPoolExecutor pool(2);
            auto first = loop.run_in_executor(pool, processes::begin_and_stay, folder.file("a"));
            auto second = loop.run_in_executor(pool, aio::ProcessCallOptions().retries(3),
                                               processes::begin_and_stay, folder.file("b"));
            auto queued = loop.run_in_executor(pool, square, 2);
            co_await processes::appearance(folder.file("a"));
            co_await processes::appearance(folder.file("b"));
            if (at_once)
                pool.kill_workers();
            else
                pool.terminate_workers();
            CHECK_THROWS_AS(static_cast<void>(pool.submit(square, 1)), aio::RuntimeError);
            const std::string expected = at_once ? "signal 9" : "signal 15";
            const std::string a = co_await end_of(first);
            CHECK(a == expected);
            const std::string b = co_await end_of(second);
            CHECK(b == expected);
            const std::string c = co_await end_of(queued);
            CHECK(c.starts_with("cancelled"));
            co_await pool.wait_closed();
            CHECK(pool.worker_pids().empty());
            pool.kill_workers();
        }));
    }
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("rule 116: ending the workers of a pool that has none yet, or none left, does nothing") {
    aio::ProcessPoolExecutor unused(1);
    unused.terminate_workers();
    unused.kill_workers();
    CHECK_THROWS_AS(static_cast<void>(unused.submit(square, 1)), aio::RuntimeError);
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor starting(2);
        auto call = aio::get_running_loop().run_in_executor(starting, square, 3);
        // The worker has been asked for, and has no number yet.
        starting.kill_workers();
        const std::string end = co_await end_of(call);
        CHECK(end.starts_with("cancelled"));
        co_await starting.wait_closed();
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}
