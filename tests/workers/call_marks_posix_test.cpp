#include <aio/workers/call_marks.hpp>

#include <aio/workers/frame.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <thread>

using aio::detail::CallMarks;

TEST_CASE("CallMarks: a call begins or is withdrawn, whichever comes first") {
    CallMarks pool;
    CallMarks worker(pool.take_descriptor());
    pool.offer(0, 7);
    CHECK(worker.begin(0, 7));
    CHECK_FALSE(pool.withdraw(0, 7));

    pool.offer(1, 8);
    CHECK(pool.withdraw(1, 8));
    CHECK(pool.withdraw(1, 8));
    CHECK_FALSE(worker.begin(1, 8));
}

TEST_CASE("CallMarks: places are used again in turn") {
    CallMarks pool;
    CallMarks worker(pool.take_descriptor());
    for (std::uint64_t number = 0; number < 5 * CallMarks::places; ++number) {
        const std::uint64_t call = 1000 + number;
        pool.offer(number, call);
        if (number % 3 == 0) CHECK(pool.withdraw(number, call));
        CHECK(worker.begin(number, call) == (number % 3 != 0));
    }
}

TEST_CASE("CallMarks: a mark that has been overwritten breaks the protocol, and its call counts as begun") {
    CallMarks pool;
    CallMarks worker(pool.take_descriptor());
    pool.offer(0, 7);
    worker.offer(0, 99);
    CHECK_THROWS_AS(static_cast<void>(worker.begin(0, 7)), aio::ProtocolError);
    CHECK_FALSE(pool.withdraw(0, 7));
}

TEST_CASE("CallMarks: of two that are at it at the same time one wins") {
    constexpr std::uint64_t rounds = 20'000;
    CallMarks pool;
    CallMarks worker(pool.take_descriptor());
    std::atomic<std::uint64_t> offered{0};
    std::atomic<std::uint64_t> passed{0};
    std::uint64_t begun = 0;
    std::uint64_t withdrawn = 0;
    std::thread thread([&] {
        for (std::uint64_t call = 1; call <= rounds; ++call) {
            while (offered < call) std::this_thread::yield();
            if (worker.begin(call, call)) ++begun;
            passed = call;
        }
    });
    for (std::uint64_t call = 1; call <= rounds; ++call) {
        pool.offer(call, call);
        offered = call;
        if (call % 2 == 0) std::this_thread::yield();
        if (pool.withdraw(call, call)) ++withdrawn;
        while (passed < call) std::this_thread::yield();
    }
    thread.join();
    CHECK(begun + withdrawn == rounds);
}
