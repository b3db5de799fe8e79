#include "stream_help_posix.hpp"

#include <aio/core/generator.hpp>
#include <aio/workers/worker_task.hpp>

#include <doctest/doctest.h>

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <map>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace streams;

namespace {

std::vector<std::string> words() { return {"one", "two", "three"}; }
aio::Generator<std::string> countdown(std::string word, int from) {
    for (int i = from; i > 0; --i) co_yield word + std::to_string(i);
    if (from > 2) throw std::out_of_range("too far");
}
auto squares(int last) { return std::views::iota(1, last + 1) | std::views::transform(square); }
struct Row {
    int number;
    std::string text;
    std::vector<double> values;
};
Row row_of(int number) {
    return Row{number, std::string(static_cast<std::size_t>(number), 'x'), {0.5 * number}};
}
void rows(const Emit<Row>& emit, int count) {
    for (int i = 0; i < count; ++i) {
        const Row row = row_of(i);
        emit(row);
    }
}
struct Multiples {
    std::string word;
    int factor;
    void operator()(Emit<std::string> emit, int count) const {
        for (int i = 1; i <= count; ++i) emit(word + std::to_string(i * factor));
    }
};
/// With a thread that waits for the wish to stop, while this one waits for credit.
void emit_with_token(Emit<int> emit, int count, const std::string& ended) {
    const std::stop_token token = aio::worker_task().stop_token();
    const std::stop_callback stopped(token, [&] { processes::touch(ended); });
    for (int i = 1; i <= count; ++i) emit(i);
    while (!token.stop_requested()) ::usleep(500);
}
void emit_in_threads(Emit<int> emit, int count) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([=] { count_to(emit, count); });
    for (std::thread& thread : threads) thread.join();
}
void print_and_emit(Emit<int> emit) {
    std::printf("before\n");
    emit(1);
    std::printf("after\n");
}
void report_and_emit(Emit<int> emit, int count) {
    for (int i = 1; i <= count; ++i) {
        aio::worker_task().report_progress(i, count);
        emit(i);
    }
}
/// Shows in memory that the program sees how far it is.
void count_visibly(Emit<int> emit, aio::SharedBuffer memory, int last) {
    std::atomic_ref<int> begun(memory.span<int>()[0]);
    for (int i = 1; i <= last; ++i) {
        begun = i;
        emit(i);
    }
}
void large_visibly(Emit<std::string> emit, aio::SharedBuffer memory, int last) {
    std::atomic_ref<int> begun(memory.span<int>()[0]);
    for (int i = 1; i <= last; ++i) {
        begun = i;
        emit(std::string(10'000, 'x'));
    }
}
void wrong_items(Emit<std::string> emit, std::size_t limit) {
    try {
        emit(std::string(limit, 'x'));
    } catch (const aio::RuntimeError& error) {
        emit(error.what());
    }
    emit("and on");
}

/// Items that end in an error when they are read.
struct Moody {
    int value;
};

} // namespace

template <>
struct aio::Codec<Moody> {
    static void encode(ByteWriter& out, const Moody& moody) { out.append_scalar(moody.value); }
    static Moody decode(ByteReader& in) {
        const Moody moody{in.read_scalar<int>()};
        if (moody.value == 3) throw std::domain_error("not this one");
        return moody;
    }
};

namespace {

void moods(Emit<Moody> emit) {
    for (int i = 1;; ++i) emit(Moody{i});
}

} // namespace

TEST_CASE("stream: the items of a function in a worker come in order, then the end, again and again") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const auto stream = pool.stream(count_to, 5);
        const std::vector<int> items = co_await read_all(stream);
        CHECK(items == up_to(5));
        const auto more = co_await stream.next();
        CHECK_FALSE(more.has_value());
        const auto none = pool.stream(count_to, 0);
        const auto first = co_await none.next();
        CHECK_FALSE(first.has_value());
    }));
}

TEST_CASE("stream: functions, lambdas and functors emit structs and strings") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(2);
        const auto table = pool.stream(rows, 3);
        const std::vector<Row> all = co_await read_all(table);
        REQUIRE(all.size() == 3);
        CHECK(all[2].text == "xx");
        CHECK(all[2].values[0] == 1.0);
        const auto lambda = [](Emit<std::string> emit, std::string prefix, int n) {
            emit(prefix + std::to_string(n));
            emit("literal");
        };
        const auto texts = pool.stream(lambda, "n = ", 7);
        const std::vector<std::string> read = co_await read_all(texts);
        REQUIRE(read.size() == 2);
        CHECK(read[0] == "n = 7");
        CHECK(read[1] == "literal");
        const auto functor = pool.stream(Multiples{"m", 3}, 2);
        const std::vector<std::string> multiples = co_await read_all(functor);
        REQUIRE(multiples.size() == 2);
        CHECK(multiples[1] == "m6");
    }));
}

TEST_CASE("stream: a function that returns a range, or is a generator, gives its elements") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const auto view = pool.stream(squares, 4);
        const std::vector<int> numbers = co_await read_all(view);
        REQUIRE(numbers.size() == 4);
        CHECK(numbers[3] == 16);
        auto vector = aio::stream_in_executor(pool, words);
        const std::vector<std::string> texts = co_await aio::collect(std::move(vector));
        REQUIRE(texts.size() == 3);
        CHECK(texts[2] == "three");
        const auto coroutine = pool.stream(countdown, "at ", 2);
        const std::vector<std::string> steps = co_await read_all(coroutine);
        REQUIRE(steps.size() == 2);
        CHECK(steps[0] == "at 2");
        const auto throwing = pool.stream(countdown, "", 3);
        std::vector<std::string> counted;
        const std::string end = co_await end_of(throwing, counted);
        CHECK(end == "too far");
        CHECK(counted.size() == 3);
    }));
}

TEST_CASE("stream: for_each calls a function with every item, and closes the stream when that throws") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(patient());
        int sum = 0;
        const auto add = [&sum](int item) { sum += item; };
        auto numbers = pool.stream(count_to, 100);
        co_await aio::for_each(std::move(numbers), add);
        CHECK(sum == 5050);
        const auto awaits = [&sum](int item) -> aio::Coro<> {
            co_await aio::sleep(0s);
            sum -= item;
        };
        auto again = pool.stream(count_to, 100);
        co_await aio::for_each(std::move(again), awaits);
        CHECK(sum == 0);
        const auto refuse = [](int item) {
            if (item == 3) throw std::runtime_error("enough");
        };
        std::string text;
        try {
            auto endless = pool.stream(count_forever);
            co_await aio::for_each(std::move(endless), refuse);
        } catch (const std::runtime_error& error) {
            text = error.what();
        }
        CHECK(text == "enough");
        CHECK(pool.statistics().busy == 0);
    }));
}

TEST_CASE("stream: a hundred thousand small items") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const auto stream = pool.stream(count_to, 100'000);
        long sum = 0;
        int last = 0;
        while (const auto item = co_await stream.next()) {
            sum += *item;
            if (*item != ++last) break;
        }
        CHECK(last == 100'000);
        CHECK(sum == 5'000'050'000);
        const auto tight = pool.stream(aio::ProcessCallOptions().buffersize(1), count_to, 2'000);
        const std::vector<int> items = co_await read_all(tight);
        CHECK(items == up_to(2'000));
    }));
}

TEST_CASE("stream: a function is ahead of its reader by no more than the buffersize") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        aio::SharedBuffer memory(sizeof(int));
        const std::atomic_ref<int> begun(memory.span<int>()[0]);
        const auto stream = pool.stream(aio::ProcessCallOptions().buffersize(4), count_visibly, memory, 300);
        int read = 0;
        // It has filled what there is room for, and begun one more.
        while (begun < 5) co_await aio::sleep(1ms);
        while (const auto item = co_await stream.next()) {
            ++read;
            CHECK(begun <= read + 5);
            if (read % 100 == 0) co_await aio::sleep(1ms);
        }
        CHECK(read == 300);
    }));
}

TEST_CASE("stream: a function is ahead of its reader by no more than the buffer_bytes and one item") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        aio::SharedBuffer memory(sizeof(int));
        const std::atomic_ref<int> begun(memory.span<int>()[0]);
        const auto stream =
            pool.stream(aio::ProcessCallOptions().buffer_bytes(25'000), large_visibly, memory, 50);
        int read = 0;
        while (begun < 4) co_await aio::sleep(1ms);
        while (const auto item = co_await stream.next()) {
            ++read;
            CHECK(item->size() == 10'000);
            // Three are 30'000 bytes; a fourth may have been begun.
            CHECK(begun <= read + 4);
        }
        CHECK(read == 50);
        const auto one = pool.stream(aio::ProcessCallOptions().buffer_bytes(1), large_visibly, memory, 20);
        const std::vector<std::string> items = co_await read_all(one);
        CHECK(items.size() == 20);
    }));
}

TEST_CASE("stream: several streams and calls share a pool") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        const auto first = pool.stream(aio::ProcessCallOptions().buffersize(2), count_to, 500);
        const auto second = pool.stream(aio::ProcessCallOptions().buffersize(7), count_to, 500);
        auto call = loop.run_in_executor(pool, square, 5);
        int rounds = 0;
        for (;;) {
            const auto a = co_await first.next();
            const auto b = co_await second.next();
            if (!a || !b) break;
            ++rounds;
            if (*a != rounds || *b != rounds) break;
        }
        CHECK(rounds == 500);
        const int value = co_await call;
        CHECK(value == 25);
        // What is said to a stream when it has ended already does not disturb what comes next.
        for (int i = 0; i < 100; ++i) {
            const auto stream = pool.stream(aio::ProcessCallOptions().buffersize(2), count_to, i % 7);
            const std::vector<int> items = co_await read_all(stream);
            if (items != up_to(i % 7)) break;
            const int next = co_await loop.run_in_executor(pool, square, i);
            if (next != i * i) break;
            if (i == 99) rounds = 1000;
        }
        CHECK(rounds == 1000);
    }));
}

TEST_CASE("stream: a stop token is heard, and other threads emit, while credit comes by the same pipe") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(patient());
        processes::Folder folder;
        const auto stream =
            pool.stream(aio::ProcessCallOptions().buffersize(2), emit_with_token, 500, folder.file("ended"));
        for (int i = 1; i <= 500; ++i) {
            const auto item = co_await stream.next();
            if (item != i) break;
            if (i == 500) CHECK_FALSE(std::filesystem::exists(folder.file("ended")));
        }
        co_await stream.aclose();
        CHECK(std::filesystem::exists(folder.file("ended")));
        const auto many = pool.stream(aio::ProcessCallOptions().buffersize(3), emit_in_threads, 200);
        std::map<int, int> counts;
        while (const auto item = co_await many.next()) ++counts[*item];
        CHECK(counts.size() == 200);
        CHECK(counts[1] == 4);
        CHECK(counts[200] == 4);
        const auto closed = pool.stream(aio::ProcessCallOptions().buffersize(3), emit_with_token, 1000,
                                        folder.file("closed"));
        co_await closed.next();
        // Its emit and its token hear of that, in any order.
        co_await closed.aclose();
        const int value = co_await loop.run_in_executor(pool, square, 2);
        CHECK(value == 4);
    }));
}

TEST_CASE("stream: records, captured output and reports are as for other calls, with spawned workers too") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        for (const auto method : {aio::StartMethod::zygote, aio::StartMethod::spawn}) {
            aio::ProcessPoolExecutor pool(
                aio::ProcessPoolOptions().max_workers(1).start_method(method).capture_output());
            aio::CallRecord record;
            const auto printing = pool.stream(aio::ProcessCallOptions().record(record), print_and_emit);
            const std::vector<int> one = co_await read_all(printing);
            CHECK(one == up_to(1));
            CHECK(record.report().output == "before\nafter\n");
            CHECK(record.report().pid > 0);
            CHECK(record.report().wall_time.count() > 0);
            double last = 0;
            aio::ProcessCallOptions options;
            options.buffersize(5).on_progress([&last](const aio::Progress& p) { last = p.fraction(); });
            const auto reporting = pool.stream(options, report_and_emit, 1000);
            const std::vector<int> items = co_await read_all(reporting);
            CHECK(items == up_to(1000));
            // A reader that need not wait can be faster than the listener, by one round of the loop.
            co_await aio::sleep(0s);
            CHECK(last == 1);
        }
    }));
}

TEST_CASE("stream: an item that is too large is refused where it is emitted, and the call may go on") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const auto stream = pool.stream(wrong_items, std::size_t{65} << 20);
        const std::vector<std::string> items = co_await read_all(stream);
        REQUIRE(items.size() == 2);
        CHECK(items[0].find("limit") != std::string::npos);
        CHECK(items[1] == "and on");
    }));
}

TEST_CASE("stream: an item that cannot be decoded ends the stream and stops the call") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(patient());
        const auto stream = pool.stream(moods);
        std::vector<int> items;
        std::string text;
        try {
            while (const auto item = co_await stream.next()) items.push_back(item->value);
        } catch (const std::domain_error& error) {
            text = error.what();
        }
        CHECK(text == "not this one");
        CHECK(items == up_to(2));
        const int value = co_await loop.run_in_executor(pool, square, 2);
        CHECK(value == 4);
    }));
}

TEST_CASE("stream: what is wrong with a call is said at once, or by its first step") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        CHECK_THROWS_AS(static_cast<void>(pool.stream(aio::ProcessCallOptions().retries(1), count_to, 1)),
                        aio::ValueError);
        CHECK_THROWS_AS(aio::ProcessCallOptions().buffersize(0), aio::ValueError);
        CHECK_THROWS_AS(aio::ProcessCallOptions().buffer_bytes(0), aio::ValueError);
        void (*const null)(Emit<int>, int) = nullptr;
        const auto stream = pool.stream(null, 1);
        std::vector<int> items;
        const std::string end = co_await end_of(stream, items);
        CHECK(end.find("null") != std::string::npos);
        auto moved = pool.stream(count_to, 1);
        const auto kept = std::move(moved);
        CHECK_THROWS_AS(static_cast<void>(moved.next()), aio::RuntimeError);
        pool.shutdown(false);
        CHECK_THROWS_AS(static_cast<void>(pool.stream(count_to, 1)), aio::RuntimeError);
        const std::vector<int> last = co_await read_all(kept);
        CHECK(last == up_to(1));
        co_await pool.wait_closed();
    }));
}
