// Tasks that misbehave, limits of the system, and pools inside of workers whose program is killed.

#include "fault_help_posix.hpp"
#include "support/sanitizer.hpp"

#include <aio/core/errors.hpp>
#include <aio/workers/codec.hpp>
#include <aio/workers/process_setup_posix.hpp>
#include <aio/workers/remote_error.hpp>
#include <aio/workers/shared_buffer.hpp>
#include <aio/workers/worker_task.hpp>

#include <doctest/doctest.h>

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;

namespace {

int square(int x) { return x * x; }
int pid() { return ::getpid(); }
int work_a_little(int x) {
    ::usleep(2000);
    return x;
}

int write_to_all() {
    const std::vector<char> garbage(1000, 'g');
    for (int fd = 3; fd < 1024; ++fd) static_cast<void>(::write(fd, garbage.data(), garbage.size()) < 0);
    return 1;
}
int close_streams() {
    for (int fd = 0; fd < 3; ++fd) ::close(fd);
    std::puts("to nobody");
    std::fflush(stdout);
    return 1;
}

/// Ends twice: here, and in a copy.
int return_twice(bool watch) {
    if (watch) static_cast<void>(aio::worker_task().stop_token());
    return ::fork() == 0 ? 1 : 2;
}
/// The copy throws.
int return_and_throw() {
    if (::fork() == 0) throw std::runtime_error("from the copy");
    return 2;
}
aio::SharedBuffer share_twice(aio::SharedBuffer numbers) {
    const bool copy = ::fork() == 0;
    aio::SharedBuffer result(5000);
    result.span<int>()[0] = numbers.span<int>()[0] + (copy ? 1 : 2);
    return result;
}

int block_signals() {
    aio::detail::block_all_signals();
    return 1;
}
int block_signals_and_stay(const std::string& begun) {
    aio::detail::block_all_signals();
    processes::begin_and_stay(begun);
    return 1;
}

int exit_by(int way) {
    switch (way) {
    case 0: std::exit(3);
    case 1: std::quick_exit(4);
    case 2: std::thread([] { ::_exit(5); }).join(); break;
    case 3: ::kill(::getpid(), SIGTERM); break;
    default:
        std::signal(SIGABRT, SIG_DFL);
        std::set_terminate([] { std::abort(); });
        std::terminate();
    }
    for (;;) ::pause();
}
int throw_int() { throw 42; }
struct NoException {};
int throw_anything() { throw NoException(); }
int throw_exit() { throw aio::SystemExit(3); }

/// Takes all descriptors that the process may have, and keeps them.
int use_up_descriptors() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, 64);
    ::setrlimit(RLIMIT_NOFILE, &limit);
    while (::open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {
    }
    return errno;
}
std::size_t length(const std::string& text) { return text.size(); }
std::string make_text(std::size_t size) { return std::string(size, 'x'); }

int kill_parent() {
    ::kill(::getppid(), SIGKILL);
    for (;;) ::pause();
}

/// Lets another process open no more descriptors than that, for as long as this lives.
class DescriptorLimit {
public:
    DescriptorLimit(int process, rlim_t value) : process_(process) {
        REQUIRE(::prlimit(process_, RLIMIT_NOFILE, nullptr, &usual_) == 0);
        const rlimit limit{value, usual_.rlim_max};
        REQUIRE(::prlimit(process_, RLIMIT_NOFILE, &limit, nullptr) == 0);
    }
    ~DescriptorLimit() { ::prlimit(process_, RLIMIT_NOFILE, &usual_, nullptr); }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;

private:
    int process_;
    rlimit usual_{};
};

bool is_gone(const std::vector<int>& pids) {
    const auto entries = processes::table();
    return std::none_of(entries.begin(), entries.end(), [&](const processes::Entry& entry) {
        return entry.state != 'Z' && std::find(pids.begin(), pids.end(), entry.pid) != pids.end();
    });
}

/// In a worker: a pool with a busy and an idle worker. The numbers of all processes go into the file.
int nest(const std::string& file) {
    static_cast<void>(processes::in_time([&]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        auto busy = loop.run_in_executor(pool, processes::begin_and_stay, file + ".begun");
        co_await processes::appearance(file + ".begun");
        const int idle = co_await loop.run_in_executor(pool, pid);
        {
            std::ofstream out(file + ".new");
            for (const int worker : pool.worker_pids()) out << worker << '\n';
            out << processes::parent_of(idle) << '\n' << ::getpid() << '\n' << ::getppid() << '\n';
        }
        std::filesystem::rename(file + ".new", file);
        co_await busy;
    }));
    return 1;
}

/// Two nested workers, their zygote, the worker that has them, and its zygote.
std::vector<int> nested_pids(const std::string& file) {
    std::vector<int> pids;
    std::ifstream in(file);
    for (int number = 0; in >> number;) pids.push_back(number);
    return pids;
}

} // namespace

TEST_CASE("rule 113: a call that writes to all descriptors costs itself") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const std::string end = co_await faults::end_of(loop.run_in_executor(pool, write_to_all));
        CHECK(end == "signal 9");
        const int value = co_await loop.run_in_executor(pool, square, 7);
        CHECK(value == 49);
        const int worker = co_await loop.run_in_executor(pool, pid);
        const int one = co_await loop.run_in_executor(pool, close_streams);
        CHECK(one == 1);
        const int same = co_await loop.run_in_executor(pool, pid);
        CHECK(same == worker);
    }));
}

TEST_CASE("rule 113: a call that forks and returns in both processes has one result, that of the worker") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const int worker = co_await loop.run_in_executor(pool, pid);
        for (int round = 0; round < 10; ++round) {
            const int value = co_await loop.run_in_executor(pool, return_twice, round % 2 == 1);
            CHECK(value == 2);
            const int other = co_await loop.run_in_executor(pool, return_and_throw);
            CHECK(other == 2);
            aio::SharedBuffer numbers(5000);
            numbers.span<int>()[0] = round;
            const aio::SharedBuffer sum = co_await loop.run_in_executor(pool, share_twice, numbers);
            CHECK(sum.span<int>()[0] == round + 2);
        }
        const int same = co_await loop.run_in_executor(pool, pid);
        CHECK(same == worker);
    }));
}

TEST_CASE(
    "rule 100: a call that has blocked all signals is ended, and one that leaves them so does no harm") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(faults::hasty(1));
        const int one = co_await loop.run_in_executor(pool, block_signals);
        CHECK(one == 1);
        const int value = co_await loop.run_in_executor(pool, square, 7);
        CHECK(value == 49);
        auto staying = loop.run_in_executor(pool, block_signals_and_stay, folder.file("begun"));
        co_await processes::appearance(folder.file("begun"));
        const int worker = pool.worker_pids().front();
        staying.cancel();
        while (!pool.worker_pids().empty() && pool.worker_pids().front() == worker) co_await aio::sleep(1ms);
        const int next = co_await loop.run_in_executor(pool, square, 8);
        CHECK(next == 64);
        pool.shutdown(false);
        co_await pool.wait_closed();
    }));
}

TEST_CASE("rule 113: a call that ends its process costs itself, however it does that") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const std::vector<std::string> ends{"code 3", "code 4", "code 5", "signal 15", "signal 6"};
        for (std::size_t way = 0; way < ends.size(); ++way) {
            const std::string end =
                co_await faults::end_of(loop.run_in_executor(pool, exit_by, static_cast<int>(way)));
            CHECK(end == ends[way]);
            const int value = co_await loop.run_in_executor(pool, square, 7);
            CHECK(value == 49);
        }
    }));
}

TEST_CASE("rule 112: a call may throw whatever it likes, an int too, and its worker goes on") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const int worker = co_await loop.run_in_executor(pool, pid);
        bool failed = false;
        try {
            co_await loop.run_in_executor(pool, throw_int);
        } catch (const aio::RuntimeError&) {
            failed = true;
        }
        CHECK(failed);
        failed = false;
        try {
            co_await loop.run_in_executor(pool, throw_anything);
        } catch (const aio::RuntimeError&) {
            failed = true;
        }
        CHECK(failed);
        const auto leaving = pool.submit(throw_exit);
        while (!leaving.done()) co_await aio::sleep(1ms);
        CHECK_THROWS_AS(static_cast<void>(leaving.result()), aio::SystemExit);
        const int same = co_await loop.run_in_executor(pool, pid);
        CHECK(same == worker);
    }));
}

TEST_CASE("rule 113: a worker that has no descriptor left goes on" * doctest::skip(sanitizer::any)) {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const int error = co_await loop.run_in_executor(pool, use_up_descriptors);
        CHECK(error == EMFILE);
        const int worker = co_await loop.run_in_executor(pool, pid);
        // Too large for the pipe, and there can be no memory to share.
        const std::string text = co_await loop.run_in_executor(pool, make_text, std::size_t{3'000'000});
        CHECK(text.size() == 3'000'000);
        // Memory that comes with a call cannot be received.
        const std::string end = co_await faults::end_of(loop.run_in_executor(pool, length, text));
        CHECK((end != "value" && end.find("signal") == std::string::npos));
        const int same = co_await loop.run_in_executor(pool, pid);
        CHECK(same == worker);
    }));
}

TEST_CASE("rule 113: a call that kills the zygote costs itself") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        const std::string end = co_await faults::end_of(loop.run_in_executor(pool, kill_parent));
        CHECK(end == "signal 9");
        const int value = co_await loop.run_in_executor(pool, square, 7);
        CHECK(value == 49);
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE(
    "rule 113: while the zygote has no descriptors left, workers that live go on and others come later") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(3).max_failed_starts(100));
        const int worker = co_await loop.run_in_executor(pool, pid);
        const int zygote = processes::parent_of(worker);
        std::vector<aio::Future<int>> futures;
        {
            const DescriptorLimit limit(zygote, 3);
            for (int i = 0; i < 30; ++i) futures.push_back(loop.run_in_executor(pool, work_a_little, i));
            for (int i = 0; i < 30; ++i) {
                const int value = co_await futures[static_cast<std::size_t>(i)];
                CHECK(value == i);
            }
            CHECK(pool.worker_pids().size() == 1);
            ::kill(worker, SIGKILL);
            // Before that it might take the next call.
            while (!pool.worker_pids().empty()) co_await aio::sleep(1ms);
            futures.front() = loop.run_in_executor(pool, square, 3);
            while (pool.statistics().failed_starts < 2) co_await aio::sleep(1ms);
        }
        const int value = co_await futures.front();
        CHECK(value == 9);
    }));
}

TEST_CASE("rule 113: where the system allows no more processes, a pool is broken and says why, or does with "
          "what it has") {
    // As a user who has no other processes, so that theirs count; root may have as many as it likes.
    const bool root = ::geteuid() == 0;
    const int code = processes::in_child([&] {
        // Another one for another run of the tests at the same time.
        const auto nobody_else = static_cast<uid_t>(10'000 + ::getpid() % 50'000);
        if (root && (::setgid(nobody_else) != 0 || ::setuid(nobody_else) != 0)) return 77;
        // What belongs to it in /proc is otherwise not its own.
        ::prctl(PR_SET_DUMPABLE, 1);
        const rlim_t each = std::max<rlim_t>(aio::detail::count_threads(), 1);
        rlimit usual{};
        ::getrlimit(RLIMIT_NPROC, &usual);
        // Before there is a zygote, which has the limits that its program had.
        rlimit limit{1, usual.rlim_max};
        ::setrlimit(RLIMIT_NPROC, &limit);
        int result = 1;
        static_cast<void>(processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            std::string end;
            {
                aio::ProcessPoolExecutor pool(2);
                end = co_await faults::end_of(loop.run_in_executor(pool, square, 2));
            }
            result = 2;
            if (!end.starts_with("broken: worker processes cannot be started")) co_return;
            result = 3;
            if (end.find(std::generic_category().message(EAGAIN)) == std::string::npos) co_return;
            result = 0;
            if (!root) co_return;
            // The program, its zygote and one worker.
            limit.rlim_cur = 3 * each;
            ::setrlimit(RLIMIT_NPROC, &limit);
            aio::ProcessPoolExecutor pool(4);
            std::vector<aio::Future<int>> futures;
            for (int i = 0; i < 40; ++i) futures.push_back(loop.run_in_executor(pool, work_a_little, i));
            int sum = 0;
            for (auto& future : futures) {
                const int value = co_await future;
                sum += value;
            }
            if (sum != 40 * 39 / 2) result = 4;
            if (pool.worker_pids().size() != 1) result = 5;
        }));
        return result;
    });
    if (code == 77)
        MESSAGE("skipped: this process may not become another user");
    else
        CHECK(code == 0);
}

TEST_CASE("rule 118: when the program is killed, the pools of its workers are gone within two seconds, too") {
    processes::Folder folder;
    const std::string file = folder.file("pids");
    const pid_t program = ::fork();
    if (program == 0) {
        static_cast<void>(processes::in_time([&]() -> aio::Coro<> {
            aio::ProcessPoolExecutor pool(1);
            co_await aio::get_running_loop().run_in_executor(pool, nest, file);
        }));
        ::_exit(1);
    }
    REQUIRE(patience::until([&] { return std::filesystem::exists(file); }));
    const std::vector<int> pids = nested_pids(file);
    REQUIRE(pids.size() == 5);
    for (const int number : pids) REQUIRE(number > 1);
    REQUIRE(::kill(program, SIGKILL) == 0);
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(::waitpid(program, nullptr, 0) == program);
    CHECK(patience::until([&] { return is_gone(pids); }));
    CHECK(std::chrono::steady_clock::now() - start < 2s);
}

TEST_CASE("rule 113: a worker that is killed takes its own pools along") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        const std::string file = folder.file("pids");
        aio::ProcessPoolExecutor pool(1);
        auto nested = loop.run_in_executor(pool, nest, file);
        co_await processes::appearance(file);
        std::vector<int> pids = nested_pids(file);
        CHECK(pids.size() == 5);
        // The zygote of the program's own pool stays.
        pids.pop_back();
        ::kill(pids.back(), SIGKILL);
        const std::string end = co_await faults::end_of(nested);
        CHECK(end == "signal 9");
        CHECK(patience::until([&] { return is_gone(pids); }));
        const int value = co_await loop.run_in_executor(pool, square, 7);
        CHECK(value == 49);
    }));
}
