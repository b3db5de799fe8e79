#include "shared_buffer_help_posix.hpp"
#include "support/sanitizer.hpp"

#include <aio/executors/wrap_future.hpp>

#include <doctest/doctest.h>

#include <sys/resource.h>

#include <csignal>
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

// Shared buffers when workers die, calls are given up, or descriptors are used up.

using namespace buffers;

namespace {

void write_and_die(SharedBuffer buffer) {
    buffer.span<int>()[0] = 42;
    ::kill(::getpid(), SIGKILL);
}

void write_and_stay(SharedBuffer buffer, const std::string& path) {
    buffer.span<int>()[0] = 42;
    processes::begin_and_stay(path);
}

int allow_few_descriptors() {
    const rlimit limit{3, 3};
    return ::setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace

TEST_CASE("when a worker is killed, its shared memory can be used again") {
    const Clean clean;
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        SharedBuffer::set_idle_limit(std::size_t{4} << 20);
        for (int i = 0; i < 6; ++i) {
            const SharedBuffer buffer(million);
            buffer.span<int>()[0] = 0;
            co_await loop.run_in_executor(pool, keep, buffer);
            static_cast<void>(co_await loop.run_in_executor(pool, make_and_keep, 1));
            bool crashed = false;
            try {
                co_await loop.run_in_executor(pool, write_and_die, buffer);
            } catch (const aio::WorkerCrashed&) {
                crashed = true;
            }
            CHECK(crashed);
            CHECK(buffer.span<int>()[0] == 42);
        }
        CHECK(mappings() == 4);
        CHECK(SharedBuffer::idle_bytes() == std::size_t{4} << 20);
        const SharedBuffer fine = co_await loop.run_in_executor(pool, count_up, 1000);
        CHECK(sum(fine) == 999 * 500);
    }));
    SharedBuffer::set_idle_limit(0);
    CHECK(mappings() == 0);
}

TEST_CASE("a call with shared memory goes to another worker when its own died before it had it") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        for (int i = 0; i < 20; ++i) {
            const SharedBuffer numbers = SharedBuffer::copy_of(std::vector<int>{1, 2, 3});
            co_await loop.run_in_executor(pool, double_all, numbers);
            for (const int pid : pool.worker_pids()) ::kill(pid, SIGKILL);
            if (i % 2 == 0) CHECK(patience::until([&] { return processes::workers() == 0; }));
            const SharedBuffer others = SharedBuffer::copy_of(std::vector<int>{4, 5, 6});
            long total = 0;
            try {
                total = co_await loop.run_in_executor(pool, sum, others);
            } catch (const aio::WorkerCrashed&) {
                // It had begun.
                total = i % 2 == 0 ? 0 : 15;
            }
            CHECK(total == 15);
        }
    }));
}

TEST_CASE("shared buffers outlive their pool, and one that a killed worker may write to is not used again") {
    const Clean clean;
    SharedBuffer argument(million);
    SharedBuffer result;
    CHECK(processes::in_time([&]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        SharedBuffer::set_idle_limit(std::size_t{64} << 20);
        const processes::Folder folder;
        aio::ProcessPoolExecutor pool(2);
        result = co_await loop.run_in_executor(pool, count_up, 1000);
        const auto stuck = pool.submit(write_and_stay, argument, folder.file("begun"));
        co_await processes::appearance(folder.file("begun"));
        CHECK(argument.span<int>()[0] == 42);
    }));
    CHECK(sum(result) == 999 * 500);
    argument.span<int>()[0] = 1;
    const std::byte* const old = argument.data();
    const std::size_t idle = SharedBuffer::idle_bytes();
    argument = SharedBuffer();
    CHECK(SharedBuffer::idle_bytes() == idle);
    result = SharedBuffer();
    static_cast<void>(old);
    SharedBuffer::set_idle_limit(0);
    CHECK(mappings() == 0);
}

TEST_CASE("a call that is cancelled while it runs keeps its shared memory until it has ended") {
    const Clean clean;
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        const processes::Folder folder;
        aio::ProcessPoolExecutor pool(1);
        SharedBuffer::set_idle_limit(std::size_t{64} << 20);
        {
            const SharedBuffer argument(million);
            auto call = loop.run_in_executor(pool, write_and_stay, argument, folder.file("begun"));
            co_await processes::appearance(folder.file("begun"));
            call.cancel();
        }
        CHECK(mappings() == 1);
        CHECK(SharedBuffer::idle_bytes() == 0);
        co_return;
    }));
    CHECK(mappings() == 0);
}

TEST_CASE("a call whose shared memory cannot be taken in for want of descriptors fails alone" *
          doctest::skip(sanitizer::any)) {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        static_cast<void>(co_await loop.run_in_executor(pool, allow_few_descriptors));
        const SharedBuffer argument(million);
        for (int i = 0; i < 3; ++i) {
            std::string message;
            try {
                static_cast<void>(co_await loop.run_in_executor(pool, sum, argument));
            } catch (const std::system_error& error) {
                message = error.what();
            }
            CHECK(message.find("cannot take in shared memory") != std::string::npos);
            message.clear();
            try {
                static_cast<void>(co_await loop.run_in_executor(pool, count_up, 10));
            } catch (const std::system_error& error) {
                message = error.what();
            }
            CHECK(message.find("cannot make shared memory") != std::string::npos);
        }
        CHECK(pool.worker_pids().size() == 1);
    }));
}

TEST_CASE("results whose shared memory finds no room among this program's descriptors fail alone" *
          doctest::skip(sanitizer::any)) {
    const int code = processes::in_child([] {
        bool refused = false;
        bool good = false;
        const bool ended = processes::in_time([&]() -> aio::Coro<> {
            aio::EventLoop& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(1);
            co_await loop.run_in_executor(pool, drop_kept);
            rlimit before{};
            ::getrlimit(RLIMIT_NOFILE, &before);
            rlimit few = before;
            few.rlim_cur = 3;
            ::setrlimit(RLIMIT_NOFILE, &few);
            try {
                static_cast<void>(co_await loop.run_in_executor(pool, count_up, 10));
            } catch (const std::system_error& error) {
                refused = std::string(error.what()).find("cannot take in shared memory") != std::string::npos;
            }
            ::setrlimit(RLIMIT_NOFILE, &before);
            const SharedBuffer numbers = co_await loop.run_in_executor(pool, count_up, 10);
            good = sum(numbers) == 45;
        });
        return ended && refused && good ? 0 : 1;
    });
    CHECK(code == 0);
}

TEST_CASE("nothing is left of shared memory when the program is killed") {
    const auto names = [] {
        std::size_t count = 0;
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator("/dev/shm", error))
            if (entry.path().filename().string().starts_with("aio")) ++count;
        return count;
    };
    const processes::Folder folder;
    const std::string begun = folder.file("begun");
    const pid_t child = ::fork();
    if (child == 0) {
        static_cast<void>(processes::in_time([&]() -> aio::Coro<> {
            aio::EventLoop& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(1);
            const SharedBuffer result = co_await loop.run_in_executor(pool, count_up, 1000);
            co_await loop.run_in_executor(pool, write_and_stay, result, begun);
        }));
        ::_exit(0);
    }
    CHECK(patience::until([&] { return std::filesystem::exists(begun); }));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    CHECK(names() == 0);
}
