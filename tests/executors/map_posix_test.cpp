#include "process_help_posix.hpp"

#include <aio/executors/map.hpp>
#include <aio/workers/named_task.hpp>
#include <aio/workers/remote_error.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <optional>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

int square(int x) { return x * x; }
int pid_of(int) { return ::getpid(); }
std::string shout(const std::string& word, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += word + "!";
    return text;
}
int picky(int x) {
    if (x == 3) throw std::out_of_range("three");
    return x;
}
int crash_at_two(int x) {
    if (x == 2) ::raise(SIGKILL);
    return x;
}

/// Notes that it has begun an item; some kill the worker, and one throws.
struct Diary {
    std::string folder;
    std::vector<int> deadly;
    int operator()(int x) const {
        std::ofstream(folder + std::to_string(x), std::ios::app) << 'x';
        if (x == 1) throw std::out_of_range("one");
        for (const int each : deadly)
            if (x == each) ::raise(SIGKILL);
        return ::getpid();
    }
};

struct Scale {
    int factor;
    int operator()(int x) const { return factor * x; }
};

/// Cannot be written, or read, or sent back, as its value says.
struct Moody {
    int value = 0;
};
Moody moody_of(Moody moody) { return moody; }

} // namespace

template <>
struct aio::Codec<Moody> {
    static void encode(aio::ByteWriter& out, const Moody& moody) {
        if (moody.value == 1) throw aio::EncodeError("unwritable");
        // Once it has been read, in the worker, it does not come back.
        if (moody.value == 30) throw aio::EncodeError("stays there");
        aio::encode(out, moody.value);
    }
    static Moody decode(aio::ByteReader& in) {
        const int value = aio::decode<int>(in);
        if (value == 2) throw std::domain_error("unreadable");
        return Moody{value == 3 ? 30 : value};
    }
};

AIO_TASK("map.square", square)

namespace {

template <class R>
aio::Coro<std::vector<std::string>> texts_of(aio::MapResults<R> results) {
    std::vector<std::string> texts;
    bool more = true;
    while (more) {
        std::string text;
        try {
            const auto item = co_await results.next();
            more = item.has_value();
            text = "value";
        } catch (const std::exception& error) {
            text = error.what();
        }
        if (more) texts.push_back(text);
    }
    co_return texts;
}

template <class R>
aio::Coro<std::vector<R>> values_of(aio::MapResults<R> results) {
    std::vector<R> values;
    while (auto value = co_await results.next()) values.push_back(std::move(*value));
    co_return values;
}

} // namespace

TEST_CASE("rule 108: map in processes, in chunks or one by one, in order or not") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(2);
        std::vector<int> expected;
        for (int i = 0; i < 500; ++i) expected.push_back(i * i);
        const auto numbers = std::views::iota(0, 500);
        const std::vector<int> automatic = co_await values_of(aio::map(pool, square, numbers));
        CHECK(automatic == expected);
        const std::vector<int> chunked = co_await values_of(
            aio::map(pool, square, numbers, aio::MapOptions().chunksize(7).buffersize(20)));
        CHECK(chunked == expected);
        std::vector<int> unordered =
            co_await values_of(aio::map(pool, square, numbers, aio::MapOptions().ordered(false)));
        std::sort(unordered.begin(), unordered.end());
        CHECK(unordered == expected);
    }));
}

TEST_CASE("map: whatever can be submitted to a process pool can be mapped") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(2);
        const std::vector<std::string_view> words{"a", "b"};
        const auto length = [](const std::string& text) { return text.size(); };
        const std::vector<std::string> owned{"a", "bc"};
        const std::vector<std::size_t> lengths = co_await values_of(aio::map(pool, length, owned));
        CHECK(lengths == std::vector<std::size_t>{1, 2});
        const std::vector<std::string> shouts =
            co_await values_of(aio::map(pool, shout, owned, std::views::iota(1)));
        CHECK(shouts == std::vector<std::string>{"a!", "bc!bc!"});
        const std::vector<int> scaled = co_await values_of(aio::map(pool, Scale{3}, std::views::iota(1, 3)));
        CHECK(scaled == std::vector<int>{3, 6});
        const auto named = aio::named_task<int(int)>("map.square");
        const std::vector<int> squares = co_await values_of(aio::map(pool, named, std::views::iota(1, 4)));
        CHECK(squares == std::vector<int>{1, 4, 9});
        aio::Executor& any = pool;
        const std::vector<int> pids = co_await values_of(aio::map(any, pid_of, std::views::iota(0, 3)));
        CHECK(pids.size() == 3);
        for (const int pid : pids) CHECK(pid != ::getpid());
    }));
}

TEST_CASE("rule 108, rule 111: an item that cannot be sent, read, computed or sent back fails alone") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const std::vector<Moody> items{{0}, {1}, {2}, {3}, {4}};
        for (const std::size_t size : {1U, 5U}) {
            const std::vector<std::string> texts =
                co_await texts_of(aio::map(pool, moody_of, items, aio::MapOptions().chunksize(size)));
            const std::vector<std::string> expected{"value", "unwritable", "unreadable", "stays there",
                                                    "value"};
            CHECK(texts == expected);
        }
        auto results = aio::map(pool, picky, std::views::iota(2, 5), aio::MapOptions().chunksize(3));
        static_cast<void>(co_await results.next());
        const auto item = co_await results.next_item();
        REQUIRE(item.has_value());
        CHECK(item->index() == 1);
        CHECK(item->failed_with<std::out_of_range>());
        CHECK(item->failed_with<aio::RemoteErrorInfo>());
    }));
}

TEST_CASE("rule 113: a crash in a chunk of map fails the item that was running, and no other") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        auto results = aio::map(pool, crash_at_two, std::views::iota(0, 6), aio::MapOptions().chunksize(2));
        std::vector<bool> crashed;
        while (auto item = co_await results.next_item())
            crashed.push_back(item->failed_with<aio::WorkerCrashed>());
        CHECK(crashed == std::vector<bool>{false, false, true, false, false, false});
    }));
}

TEST_CASE("rule 113: what a worker had finished of its chunk counts, and the rest is made once, elsewhere") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const processes::Folder folder;
        Diary work;
        work.folder = folder.file("");
        work.deadly = {3, 4, 8};
        auto results = aio::map(pool, work, std::views::iota(0, 10), aio::MapOptions().chunksize(10));
        std::vector<int> pids;
        std::string ends;
        while (auto item = co_await results.next_item()) {
            if (item->failed_with<aio::WorkerCrashed>())
                ends += 'c';
            else if (item->failed_with<std::out_of_range>())
                ends += 'e';
            else {
                ends += 'v';
                pids.push_back(item->value());
            }
        }
        CHECK(ends == "vevcc"
                      "vvvcv");
        CHECK(pids[0] == pids[1]);
        CHECK(pids[1] != pids[2]);
        CHECK(pids[2] == pids[4]);
        CHECK(pids[4] != pids[5]);
        for (int x = 0; x < 10; ++x) {
            std::string begun;
            std::ifstream(work.folder + std::to_string(x)) >> begun;
            CHECK(begun == "x");
        }
        CHECK(pool.statistics().crashed == 3);
    }));
}

TEST_CASE("rule 113: results too large for the journal of a chunk are lost with their worker, smaller ones "
          "are not") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const auto text = [](int x) {
            if (x == 4) ::raise(SIGKILL);
            return std::string(400'000, static_cast<char>('a' + x));
        };
        auto results = aio::map(pool, text, std::views::iota(0, 7), aio::MapOptions().chunksize(7));
        std::string ends;
        while (auto item = co_await results.next_item())
            ends += item->failed_with<aio::WorkerCrashed>() ? '-' : item->value().at(399'999);
        // The journal has room for two.
        CHECK(ends == "ab---fg");
    }));
}

TEST_CASE("map: a pool that is shut down does not take the rest of a chunk whose worker has died") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        auto results = aio::map(pool, crash_at_two, std::views::iota(0, 4), aio::MapOptions().chunksize(4));
        pool.shutdown(false);
        std::string ends;
        while (auto item = co_await results.next_item())
            ends += item->failed_with<aio::WorkerCrashed>() ? 'c' : 'v';
        CHECK(ends == "vvcc");
    }));
}
