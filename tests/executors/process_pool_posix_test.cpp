#include "process_help_posix.hpp"

#include <aio/executors/thread_pool.hpp>
#include <aio/structure/gather.hpp>
#include <aio/workers/codec.hpp>
#include <aio/workers/frame.hpp>
#include <aio/workers/remote_error.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

long add(long a, long b) { return a + b; }
std::string decorate(const std::string& text) { return text + "!"; }
std::string echo(std::string text) { return text; }
std::string make_text(std::size_t size) { return std::string(size, 'x'); }
std::size_t view_length(std::string_view text) { return text.size(); }
std::size_t length(const std::string& text) { return text.size(); }
int pid() { return ::getpid(); }
void nothing() {}

struct Scale {
    int factor;
    std::vector<int> operator()(std::vector<int> values) const {
        for (int& value : values) value *= factor;
        return values;
    }
};

struct ParseError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Can be sent, and refuses to be read.
struct Moody {
    int value = 0;
};

/// Refuses to be written.
struct Shy {
    int value = 0;
};

/// Shows how long it is kept.
struct Kept {
    std::shared_ptr<int> value;
};

int read_kept(Kept kept) { return *kept.value; }
int value_of(Moody moody) { return moody.value; }
Moody make_moody(int value) { return Moody{value}; }
int shy_value(Shy shy) { return shy.value; }

} // namespace

template <>
struct aio::Codec<Moody> {
    static void encode(aio::ByteWriter& out, const Moody& moody) { aio::encode(out, moody.value); }
    static Moody decode(aio::ByteReader& in) {
        Moody moody{aio::decode<int>(in)};
        if (moody.value < 0) throw std::domain_error("moody today");
        return moody;
    }
};

template <>
struct aio::Codec<Shy> {
    static void encode(aio::ByteWriter& out, const Shy& shy) {
        if (shy.value < 0) throw aio::EncodeError("too shy");
        aio::encode(out, shy.value);
    }
    static Shy decode(aio::ByteReader& in) { return Shy{aio::decode<int>(in)}; }
};

template <>
struct aio::Codec<Kept> {
    static void encode(aio::ByteWriter& out, const Kept& kept) { aio::encode(out, *kept.value); }
    static Kept decode(aio::ByteReader& in) { return Kept{std::make_shared<int>(aio::decode<int>(in))}; }
};

namespace {

/// The type of what a future throws, as text.
template <class T>
aio::Coro<std::string> error_of(aio::Future<T> future) {
    std::string text = "nothing";
    try {
        co_await future;
    } catch (const aio::WorkerCrashed& error) {
        text = std::string("WorkerCrashed: ") + error.what();
    } catch (const aio::BrokenProcessPool& error) {
        text = std::string("BrokenProcessPool: ") + error.what();
    } catch (const std::exception& error) {
        text = error.what();
    }
    co_return text;
}

} // namespace

TEST_CASE("process pool: functions, captureless lambdas, functors with fields, in another process") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        const long sum = co_await loop.run_in_executor(pool, add, 20L, 22L);
        CHECK(sum == 42);
        const long by_pointer = co_await loop.run_in_executor(pool, &add, 1L, 2L);
        CHECK(by_pointer == 3);
        const std::string text = co_await loop.run_in_executor(pool, decorate, "hello");
        CHECK(text == "hello!");
        const std::size_t viewed = co_await loop.run_in_executor(pool, view_length, std::string_view("view"));
        CHECK(viewed == 4);
        const auto twice = [](int x) { return 2 * x; };
        const int doubled = co_await loop.run_in_executor(pool, twice, 21);
        CHECK(doubled == 42);
        const std::vector<int> values{1, 2, 3};
        const auto scaled = co_await loop.run_in_executor(pool, Scale{3}, values);
        CHECK(scaled == std::vector<int>{3, 6, 9});
        co_await loop.run_in_executor(pool, nothing);
        const int where = co_await loop.run_in_executor(pool, pid);
        CHECK(where != ::getpid());
        const auto optional = [](std::map<std::string, int> m) {
            return m.empty() ? std::nullopt : std::optional<int>(m.begin()->second);
        };
        std::map<std::string, int> map;
        map["a"] = 1;
        const std::optional<int> first = co_await loop.run_in_executor(pool, optional, map);
        CHECK(first == 1);
        CHECK_THROWS_AS(aio::ProcessPoolExecutor(0), aio::ValueError);
        CHECK(pool.max_workers() == 2);
    }));
}

TEST_CASE("process pool: the same call moves between pools through the base class") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ThreadPoolExecutor threads(1);
        aio::ProcessPoolExecutor workers(1);
        std::vector<aio::Executor*> pools;
        pools.push_back(&threads);
        pools.push_back(&workers);
        for (aio::Executor* pool : pools) {
            const long sum = co_await loop.run_in_executor(*pool, add, 1L, 2L);
            CHECK(sum == 3);
            const int where = co_await loop.run_in_executor(*pool, pid);
            CHECK((where == ::getpid()) == (pool == &threads));
        }
        int captured = 1;
        const auto closure = [&captured] { return ++captured; };
        aio::Executor& base = workers;
        const std::string error = co_await error_of(loop.run_in_executor(base, closure));
        CHECK(error.find("cannot run in another process") != std::string::npos);
        CHECK(captured == 1);
    }));
}

TEST_CASE("rule 112: exceptions come back with type and message, and the worker goes on") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const int worker = co_await loop.run_in_executor(pool, pid);
        int caught = 0;
        const auto standard = [](int x) {
            if (x > 3) throw std::out_of_range("too big: " + std::to_string(x));
        };
        try {
            co_await loop.run_in_executor(pool, standard, 9);
        } catch (const std::out_of_range& error) {
            caught += std::string(error.what()) == "too big: 9";
        }
        const auto system = [] { throw std::system_error(ENOENT, std::generic_category(), "gone"); };
        try {
            co_await loop.run_in_executor(pool, system);
        } catch (const std::system_error& error) {
            caught += error.code() == std::errc::no_such_file_or_directory;
        }
        const auto user = [] { throw ParseError("line 7"); };
        try {
            co_await loop.run_in_executor(pool, user);
        } catch (const std::runtime_error& error) {
            const auto* info = dynamic_cast<const aio::RemoteErrorInfo*>(&error);
            caught += std::string(error.what()) == "line 7" && info != nullptr && info->pid() == worker &&
                      info->type_name().find("ParseError") != std::string::npos;
        }
        const auto number = [] { throw 42; };
        try {
            co_await loop.run_in_executor(pool, number);
        } catch (const aio::RuntimeError& error) {
            caught += std::string(error.what()).find("42") != std::string::npos;
        }
        const auto leave = [] { throw aio::SystemExit(3); };
        const auto leaving = pool.submit(leave);
        bool done = false;
        try {
            co_await aio::wrap_future(leaving);
        } catch (const aio::SystemExit& exit) {
            done = exit.code() == 3;
        }
        CHECK(done);
        CHECK(caught == 4);
        const int after = co_await loop.run_in_executor(pool, pid);
        CHECK(after == worker);
    }));
}

TEST_CASE("rule 111: an argument that turns out not to be encodable fails only its call") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const int worker = co_await loop.run_in_executor(pool, pid);
        auto good = loop.run_in_executor(pool, shy_value, Shy{1});
        auto bad = loop.run_in_executor(pool, shy_value, Shy{-1});
        const std::string bad_error = co_await error_of(bad);
        CHECK(bad_error == "too shy");
        const int value = co_await good;
        CHECK(value == 1);
        const char* no_text = nullptr;
        const std::string null_error = co_await error_of(loop.run_in_executor(pool, decorate, no_text));
        CHECK(null_error.find("null pointer") != std::string::npos);
        int (*no_function)() = nullptr;
        const std::string function_error = co_await error_of(loop.run_in_executor(pool, no_function));
        CHECK(function_error.find("null") != std::string::npos);
        const int after = co_await loop.run_in_executor(pool, pid);
        CHECK(after == worker);
    }));
}

TEST_CASE("rule 111: arguments or results that fail to decode fail only their call") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const int worker = co_await loop.run_in_executor(pool, pid);
        const std::string there = co_await error_of(loop.run_in_executor(pool, value_of, Moody{-1}));
        CHECK(there == "moody today");
        const std::string here = co_await error_of(loop.run_in_executor(pool, make_moody, -1));
        CHECK(here == "moody today");
        const Moody good = co_await loop.run_in_executor(pool, make_moody, 5);
        CHECK(good.value == 5);
        const int after = co_await loop.run_in_executor(pool, pid);
        CHECK(after == worker);
    }));
}

TEST_CASE("process pool: arguments and results of 1 MiB and 20 MiB, and a clear error above the limit") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        for (const std::size_t size : {std::size_t{1} << 20, std::size_t{20} << 20}) {
            std::string text(size, 'a');
            text.back() = 'z';
            const std::string back = co_await loop.run_in_executor(pool, echo, text);
            CHECK(back.size() == size);
            CHECK(back.back() == 'z');
        }
        const std::size_t limit = aio::default_max_payload;
        const std::string too_large(limit + 1, 'x');
        const std::string argument_error = co_await error_of(loop.run_in_executor(pool, length, too_large));
        CHECK(argument_error.find("at most") != std::string::npos);
        const std::string result_error = co_await error_of(loop.run_in_executor(pool, make_text, limit + 1));
        CHECK(result_error.find("the limit is") != std::string::npos);
        const long sum = co_await loop.run_in_executor(pool, add, 1L, 1L);
        CHECK(sum == 2);
    }));
}

TEST_CASE("rule 113: large arguments and results in both directions at once do not block each other") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(3);
        const std::string text(300'000, 'x');
        std::vector<aio::Future<std::string>> futures;
        for (int i = 0; i < 60; ++i) futures.push_back(loop.run_in_executor(pool, echo, text));
        for (auto& future : futures) {
            const std::string back = co_await future;
            CHECK(back.size() == text.size());
        }
    }));
}

TEST_CASE("process pool: the callable and its arguments are let go of once they are sent") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const auto shared = std::make_shared<int>(5);
        const auto future = pool.submit(read_kept, Kept{shared});
        CHECK(shared.use_count() == 1);
        const int value = co_await aio::wrap_future(future);
        CHECK(value == 5);
    }));
}

TEST_CASE("rule 117: workers are started on demand, up to the limit, and reused") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(3);
        CHECK(pool.worker_pids().empty());
        const int first = co_await loop.run_in_executor(pool, pid);
        for (int i = 0; i < 10; ++i) {
            const int again = co_await loop.run_in_executor(pool, pid);
            CHECK(again == first);
        }
        CHECK(pool.worker_pids().size() == 1);
        processes::Folder folder;
        for (const char* name : {"a", "b", "c"})
            static_cast<void>(loop.run_in_executor(pool, processes::begin_and_stay, folder.file(name)));
        auto too_many = loop.run_in_executor(pool, pid);
        for (const char* name : {"a", "b", "c"}) co_await processes::appearance(folder.file(name));
        CHECK(pool.worker_pids().size() == 3);
        CHECK_FALSE(too_many.done());
    }));
}

TEST_CASE("rule 100: cancelling a queued call drops it, and a running one goes on if the pool says so") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).stop_cancelled(false));
        const auto wait_for_file = [](std::string begun, std::string awaited, std::string ended) {
            processes::touch(begun);
            while (!std::filesystem::exists(awaited)) ::usleep(1000);
            processes::touch(ended);
        };
        const auto leave_trace = [](std::string path) { processes::touch(path); };
        auto running = loop.run_in_executor(pool, wait_for_file, folder.file("begun"), folder.file("go"),
                                            folder.file("ended"));
        auto queued = loop.run_in_executor(pool, leave_trace, folder.file("queued"));
        co_await processes::appearance(folder.file("begun"));
        CHECK(queued.cancel());
        CHECK(running.cancel());
        processes::touch(folder.file("go"));
        co_await processes::appearance(folder.file("ended"));
        const long sum = co_await loop.run_in_executor(pool, add, 1L, 1L);
        CHECK(sum == 2);
        CHECK_FALSE(std::filesystem::exists(folder.file("queued")));
    }));
}

TEST_CASE("process pool: calls may be submitted by other threads") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        std::vector<std::thread> threads;
        patience::Counter correct;
        for (int t = 0; t < 3; ++t)
            threads.emplace_back([&] {
                std::vector<aio::ConcurrentFuture<long>> futures;
                for (long i = 0; i < 30; ++i) futures.push_back(pool.submit(add, i, i));
                for (long i = 0; i < 30; ++i)
                    if (futures[static_cast<std::size_t>(i)].result(patience::limit) == 2 * i) correct.add();
            });
        while (correct.count() < 90) co_await aio::sleep(std::chrono::milliseconds(1));
        for (auto& thread : threads) thread.join();
        const long sum = co_await loop.run_in_executor(pool, add, 1L, 1L);
        CHECK(sum == 2);
    }));
}

TEST_CASE("process pool: two pools at once, and one after the other") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        for (int round = 0; round < 3; ++round) {
            aio::ProcessPoolExecutor first(2);
            aio::ProcessPoolExecutor second(2);
            std::vector<aio::Future<long>> futures;
            for (long i = 0; i < 40; ++i)
                futures.push_back(loop.run_in_executor(i % 2 == 0 ? first : second, add, i, i));
            for (long i = 0; i < 40; ++i) {
                const long sum = co_await futures[static_cast<std::size_t>(i)];
                CHECK(sum == 2 * i);
            }
            const int a = co_await loop.run_in_executor(first, pid);
            const int b = co_await loop.run_in_executor(second, pid);
            CHECK(a != b);
        }
    }));
}

TEST_CASE("process pool: used in a program with threads, by loops in two threads") {
    const auto use = [] {
        return processes::in_time([]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(2);
            for (long i = 0; i < 20; ++i) {
                const long sum = co_await loop.run_in_executor(pool, add, i, i);
                CHECK(sum == 2 * i);
            }
        });
    };
    bool ok[2] = {};
    std::thread first([&] { ok[0] = use(); });
    std::thread second([&] { ok[1] = use(); });
    first.join();
    second.join();
    CHECK(ok[0]);
    CHECK(ok[1]);
}

TEST_CASE("process pool: made before its loop, it belongs to the loop that uses it first") {
    aio::ProcessPoolExecutor pool(1);
    CHECK_THROWS_AS(static_cast<void>(pool.submit(add, 1L, 2L)), aio::RuntimeError);
    CHECK(processes::in_time([&]() -> aio::Coro<> {
        const long sum = co_await aio::get_running_loop().run_in_executor(pool, add, 1L, 2L);
        CHECK(sum == 3);
    }));
    CHECK(processes::in_time([&]() -> aio::Coro<> {
        std::string reason;
        try {
            co_await aio::get_running_loop().run_in_executor(pool, add, 1L, 2L);
        } catch (const aio::RuntimeError& error) {
            reason = error.what();
        }
        CHECK(reason.find("closed") != std::string::npos);
    }));
    pool.shutdown();
}

TEST_CASE("process pool: one Runner, several runs, one pool") {
    aio::Runner runner;
    std::optional<aio::ProcessPoolExecutor> pool;
    const auto first = [&]() -> aio::Coro<int> {
        pool.emplace(1);
        co_return co_await aio::get_running_loop().run_in_executor(*pool, pid);
    };
    const auto second = [&]() -> aio::Coro<int> {
        co_return co_await aio::get_running_loop().run_in_executor(*pool, pid);
    };
    const int a = runner.run(first());
    const int b = runner.run(second());
    CHECK(a == b);
    runner.close();
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("process pool: what a call prints comes out, and does not disturb the pool") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(1);
        const auto print = [](std::string path) {
            if (std::freopen(path.c_str(), "w", stdout) == nullptr) return -1;
            std::printf("printed\n");
            std::cout << "streamed" << std::endl;
            return 1;
        };
        const int value = co_await loop.run_in_executor(pool, print, folder.file("out"));
        CHECK(value == 1);
        std::ifstream file(folder.file("out"));
        std::string first;
        std::string second;
        file >> first >> second;
        CHECK(first == "printed");
        CHECK(second == "streamed");
    }));
}
