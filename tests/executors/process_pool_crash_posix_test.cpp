#include "process_help_posix.hpp"

#include <aio/workers/remote_error.hpp>

#include <doctest/doctest.h>

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

int pid() { return ::getpid(); }
int square(int x) { return x * x; }
void die(int signal) {
    // So that a sanitizer does not take the signal for itself.
    std::signal(signal, SIG_DFL);
    ::raise(signal);
}
void leave(int code) { ::_exit(code); }
void abort_now() {
    std::signal(SIGABRT, SIG_DFL);
    std::abort();
}
void close_everything(bool stay) {
    for (int fd = 0; fd < 1024; ++fd) ::close(fd);
    while (stay) ::pause();
}
int work_a_little(int x) {
    ::usleep(3000);
    return x;
}

/// Leaves this process two descriptors to open, one pipe's worth: a worker needs two pipes, and a sanitizer
/// one at times. Gives the limit as it was.
rlimit leave_two_descriptors() {
    rlimit usual{};
    ::getrlimit(RLIMIT_NOFILE, &usual);
    const int first = ::dup(STDIN_FILENO);
    const int second = ::dup(STDIN_FILENO);
    ::close(first);
    ::close(second);
    rlimit scarce = usual;
    scarce.rlim_cur = static_cast<rlim_t>(second) + 1;
    ::setrlimit(RLIMIT_NOFILE, &scarce);
    return usual;
}

/// How the call ended: the signal or the exit code of the worker's end, as "signal 9" or "code 0"; else what
/// it threw, or "nothing".
template <class T>
aio::Coro<std::string> end_of(aio::Future<T> future) {
    std::string text = "nothing";
    try {
        co_await future;
    } catch (const aio::WorkerCrashed& error) {
        text = error.exit().signal != 0 ? "signal " + std::to_string(error.exit().signal)
                                        : "code " + std::to_string(error.exit().code);
    } catch (const aio::BrokenProcessPool& error) {
        text = std::string("broken: ") + error.what();
    } catch (const std::exception& error) {
        text = error.what();
    }
    co_return text;
}

} // namespace

TEST_CASE("rule 113: a worker that dies costs the call it ran, and the pool goes on") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        for (const int signal : {SIGKILL, SIGSEGV, SIGTERM, SIGBUS}) {
            auto before = loop.run_in_executor(pool, square, 2);
            auto lost = loop.run_in_executor(pool, die, signal);
            auto after = loop.run_in_executor(pool, square, 3);
            const std::string end = co_await end_of(lost);
            CHECK(end == "signal " + std::to_string(signal));
            const int first = co_await before;
            CHECK(first == 4);
            const int second = co_await after;
            CHECK(second == 9);
        }
        const std::string aborted = co_await end_of(loop.run_in_executor(pool, abort_now));
        CHECK(aborted == "signal " + std::to_string(SIGABRT));
        const std::string left = co_await end_of(loop.run_in_executor(pool, leave, 0));
        CHECK(left == "code 0");
        const std::string failed = co_await end_of(loop.run_in_executor(pool, leave, 7));
        CHECK(failed == "code 7");
        const int value = co_await loop.run_in_executor(pool, square, 5);
        CHECK(value == 25);
    }));
}

TEST_CASE("rule 113: the error names the process, the signal and what happened") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const int worker = co_await loop.run_in_executor(pool, pid);
        std::string text;
        int named = 0;
        try {
            co_await loop.run_in_executor(pool, die, SIGKILL);
        } catch (const aio::WorkerCrashed& error) {
            text = error.what();
            named = error.pid();
        }
        CHECK(named == worker);
        CHECK(text.find(std::to_string(worker)) != std::string::npos);
        CHECK(text.find("signal 9") != std::string::npos);
    }));
}

TEST_CASE("rule 113: a worker killed from outside in the middle of a call costs that call") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(2);
        auto first = loop.run_in_executor(pool, processes::begin_and_stay, folder.file("a"));
        co_await processes::appearance(folder.file("a"));
        const int victim = pool.worker_pids().front();
        auto second = loop.run_in_executor(pool, square, 6);
        ::kill(victim, SIGKILL);
        const std::string end = co_await end_of(first);
        CHECK(end == "signal 9");
        const int value = co_await second;
        CHECK(value == 36);
    }));
}

TEST_CASE("rule 113: a worker killed while idle costs nothing, whether the pool has heard of it or not") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        for (int round = 0; round < 10; ++round) {
            const int worker = co_await loop.run_in_executor(pool, pid);
            ::kill(worker, SIGKILL);
            while (!pool.worker_pids().empty()) co_await aio::sleep(std::chrono::milliseconds(1));
            const int value = co_await loop.run_in_executor(pool, square, round);
            CHECK(value == round * round);
        }
        for (int round = 0; round < 10; ++round) {
            const int worker = co_await loop.run_in_executor(pool, pid);
            ::kill(worker, SIGKILL);
            // Dead, but the loop has not had a turn.
            REQUIRE(patience::until(
                [&] { return processes::state_of(worker) == 'Z' || processes::state_of(worker) == '?'; }));
            const int value = co_await loop.run_in_executor(pool, square, round);
            CHECK(value == round * round);
        }
        for (int round = 0; round < 10; ++round) {
            const int worker = co_await loop.run_in_executor(pool, pid);
            ::kill(worker, SIGSTOP);
            REQUIRE(patience::until([&] { return processes::state_of(worker) == 'T'; }));
            // The call lies in the worker's pipe when it dies.
            auto future = loop.run_in_executor(pool, square, round);
            ::kill(worker, SIGKILL);
            const int value = co_await future;
            CHECK(value == round * round);
        }
    }));
}

TEST_CASE("rule 113: a call that closes all descriptors costs itself, whether it returns or stays") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const std::string returned = co_await end_of(loop.run_in_executor(pool, close_everything, false));
        CHECK(returned != "nothing");
        const std::string stayed = co_await end_of(loop.run_in_executor(pool, close_everything, true));
        CHECK(stayed == "signal 9");
        const int value = co_await loop.run_in_executor(pool, square, 7);
        CHECK(value == 49);
    }));
}

TEST_CASE("rule 113: a grandchild that keeps the pipes open holds nothing up") {
    processes::Folder folder;
    const auto fork_and_end = [](std::string path, bool die) {
        const pid_t child = ::fork();
        if (child == 0) {
            // Out of the group that is killed with the worker.
            ::setpgid(0, 0);
            for (;;) ::pause();
        }
        std::ofstream(path) << child << std::flush;
        if (die) ::raise(SIGKILL);
        return static_cast<int>(child);
    };
    for (const bool die : {false, true}) {
        const std::string path = folder.file(die ? "died" : "left");
        CHECK(processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(1);
            const std::string end = co_await end_of(loop.run_in_executor(pool, fork_and_end, path, die));
            CHECK(end == (die ? "signal 9" : "nothing"));
            const int value = co_await loop.run_in_executor(pool, square, 8);
            CHECK(value == 64);
            pool.shutdown(false);
            co_await pool.wait_closed();
        }));
        int grandchild = 0;
        std::ifstream(path) >> grandchild;
        REQUIRE(grandchild > 1);
        CHECK(processes::exists(grandchild));
        ::kill(grandchild, SIGKILL);
    }
}

TEST_CASE("rule 113: with random workers being killed, exactly the calls they ran fail") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(3);
        std::vector<aio::Future<int>> futures;
        for (int i = 0; i < 100; ++i) futures.push_back(loop.run_in_executor(pool, work_a_little, i));
        std::set<int> killed;
        bool working = true;
        const auto killer = [&]() -> aio::Coro<> {
            std::minstd_rand random(7);
            while (working && killed.size() < 15) {
                co_await aio::sleep(std::chrono::milliseconds(4));
                const std::vector<int> pids = pool.worker_pids();
                if (pids.empty()) continue;
                const int victim = pids[random() % pids.size()];
                if (::kill(victim, SIGKILL) == 0) killed.insert(victim);
            }
        };
        auto killing = aio::create_task(killer());
        std::size_t lost = 0;
        for (int i = 0; i < 100; ++i) {
            int value = -1;
            bool crashed = false;
            try {
                value = co_await futures[static_cast<std::size_t>(i)];
            } catch (const aio::WorkerCrashed& error) {
                crashed = true;
                ++lost;
                CHECK(error.exit().signal == SIGKILL);
                CHECK(killed.contains(error.pid()));
            }
            CHECK((crashed || value == i));
        }
        working = false;
        co_await killing;
        CHECK(lost <= killed.size());
        CHECK(lost > 0);
    }));
}

TEST_CASE("rule 113: a worker killed while a large argument is on its way has not begun the call") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const auto length = [](const std::string& text) { return text.size(); };
        const std::string text(20'000'000, 'x');
        const int worker = co_await loop.run_in_executor(pool, pid);
        ::kill(worker, SIGSTOP);
        auto future = loop.run_in_executor(pool, length, text);
        co_await aio::sleep(std::chrono::milliseconds(2));
        ::kill(worker, SIGKILL);
        const std::size_t size = co_await future;
        CHECK(size == text.size());
    }));
}

TEST_CASE("process pool: the zygote killed while its workers are idle is replaced") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        for (int round = 0; round < 3; ++round) {
            const int worker = co_await loop.run_in_executor(pool, pid);
            const int zygote = processes::parent_of(worker);
            REQUIRE(zygote > 1);
            REQUIRE(zygote != ::getpid());
            REQUIRE(::kill(zygote, SIGKILL) == 0);
            // Until the pool has heard of it.
            while (!pool.worker_pids().empty()) co_await aio::sleep(std::chrono::milliseconds(1));
            const int value = co_await loop.run_in_executor(pool, square, 10);
            CHECK(value == 100);
        }
    }));
}

TEST_CASE("process pool: the zygote killed while its workers are busy costs their calls, and no others") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(2);
        auto first = loop.run_in_executor(pool, processes::begin_and_stay, folder.file("a"));
        auto second = loop.run_in_executor(pool, processes::begin_and_stay, folder.file("b"));
        co_await processes::appearance(folder.file("a"));
        co_await processes::appearance(folder.file("b"));
        auto queued = loop.run_in_executor(pool, square, 11);
        const int worker = pool.worker_pids().front();
        const int zygote = processes::parent_of(worker);
        REQUIRE(zygote > 1);
        REQUIRE(::kill(zygote, SIGKILL) == 0);
        const std::string a = co_await end_of(first);
        CHECK(a == "signal 9");
        const std::string b = co_await end_of(second);
        CHECK(b == "signal 9");
        const int value = co_await queued;
        CHECK(value == 121);
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("process pool: when the program is killed, zygote and busy workers are gone within two seconds") {
    processes::Folder folder;
    const std::string idle_pid = folder.file("idle");
    const std::string begun = folder.file("begun");
    const std::string pids = folder.file("pids");
    const pid_t program = ::fork();
    if (program == 0) {
        static_cast<void>(processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(2);
            auto busy = loop.run_in_executor(pool, processes::begin_and_stay, begun);
            co_await processes::appearance(begun);
            const int idle = co_await loop.run_in_executor(pool, pid);
            {
                std::ofstream file(pids + ".new");
                for (const int worker : pool.worker_pids()) file << worker << '\n';
                file << processes::parent_of(idle) << '\n';
            }
            std::filesystem::rename(pids + ".new", pids);
            co_await busy;
        }));
        ::_exit(1);
    }
    REQUIRE(patience::until([&] { return std::filesystem::exists(pids); }));
    std::vector<int> all;
    std::ifstream file(pids);
    for (int number = 0; file >> number;) all.push_back(number);
    REQUIRE(all.size() == 3);
    for (const int number : all) REQUIRE(number > 1);
    REQUIRE(::kill(program, SIGKILL) == 0);
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(::waitpid(program, nullptr, 0) == program);
    const auto gone = [&] {
        const auto entries = processes::table();
        return std::none_of(entries.begin(), entries.end(), [&](const processes::Entry& entry) {
            return entry.state != 'Z' && std::find(all.begin(), all.end(), entry.pid) != all.end();
        });
    };
    CHECK(patience::until(gone));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
}

TEST_CASE("process pool: after two hundred deaths there is no descriptor and no process more than before") {
    const auto kill_many = [](int count) {
        return processes::in_time([count]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(2);
            const int warm = co_await loop.run_in_executor(pool, square, 1);
            CHECK(warm == 1);
            for (int i = 0; i < count; ++i) {
                const std::string end = co_await end_of(loop.run_in_executor(pool, die, SIGKILL));
                CHECK(end == "signal 9");
            }
        });
    };
    CHECK(kill_many(2));
    const std::size_t before = processes::descriptors();
    CHECK(kill_many(200));
    CHECK(processes::descriptors() <= before);
    CHECK(processes::zombies() == 0);
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("rule 113: a pool that cannot start workers is broken, and says why") {
    // In a process of its own, where descriptors can be made scarce.
    const int code = processes::in_child([] {
        int result = 1;
        static_cast<void>(processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(2);
            const int warm = co_await loop.run_in_executor(pool, square, 1);
            const std::string gone = co_await end_of(loop.run_in_executor(pool, die, SIGKILL));
            const rlimit usual = leave_two_descriptors();
            const std::string end = co_await end_of(loop.run_in_executor(pool, square, 2));
            std::string refused;
            try {
                pool.submit(square, 3);
            } catch (const aio::BrokenProcessPool& error) {
                refused = error.what();
            }
            ::setrlimit(RLIMIT_NOFILE, &usual);
            if (warm != 1 || gone != "signal 9") co_return;
            result = 2;
            if (!end.starts_with("broken: worker processes cannot be started")) co_return;
            result = 3;
            if (refused.empty()) co_return;
            // Another pool is not concerned.
            aio::ProcessPoolExecutor other(1);
            const int value = co_await loop.run_in_executor(other, square, 4);
            result = value == 16 ? 0 : 4;
        }));
        return result;
    });
    CHECK(code == 0);
}

TEST_CASE("rule 113: while some worker lives, starts that fail do not break the pool") {
    const int code = processes::in_child([] {
        int result = 1;
        static_cast<void>(processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(4);
            const int warm = co_await loop.run_in_executor(pool, square, 1);
            const rlimit usual = leave_two_descriptors();
            std::vector<aio::Future<int>> futures;
            // Long enough for more starts to fail in a row than a pool without workers would survive.
            const auto slow = [](int x) {
                ::usleep(30'000);
                return x;
            };
            for (int i = 0; i < 60; ++i) futures.push_back(loop.run_in_executor(pool, slow, i));
            int sum = 0;
            for (auto& future : futures) {
                const int value = co_await future;
                sum += value;
            }
            ::setrlimit(RLIMIT_NOFILE, &usual);
            result = warm == 1 && sum == 60 * 59 / 2 ? 0 : 2;
        }));
        return result;
    });
    CHECK(code == 0);
}
