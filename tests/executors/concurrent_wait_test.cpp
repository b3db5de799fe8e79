#include "patience.hpp"

#include <aio/executors/concurrent_wait.hpp>
#include <aio/executors/thread_pool.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Futures = std::vector<aio::ConcurrentFuture<int>>;

/// Of the futures, which are distinct, those that `some` has, as their places.
std::string places(const Futures& all, const Futures& some) {
    std::string text;
    for (const auto& one : some)
        for (std::size_t i = 0; i < all.size(); ++i)
            if (all[i].state() == one.state()) text += std::to_string(i);
    return text;
}

Futures distinct(std::size_t count) {
    Futures futures;
    for (std::size_t i = 0; i < count; ++i) futures.emplace_back();
    return futures;
}

} // namespace

TEST_CASE("rule 106: wait returns what is done and what is not, and does not throw when the time is up") {
    const Futures futures = distinct(4);
    futures[2].set_result(1);
    CHECK(futures[0].cancel());
    const auto result = aio::concurrent::wait(futures, 1ms);
    CHECK(places(futures, result.done) == "02");
    CHECK(places(futures, result.not_done) == "13");
    CHECK(aio::concurrent::wait(Futures()).done.empty());
}

TEST_CASE("rule 106: wait ends with the first that is done, or the first that fails") {
    const Futures futures = distinct(3);
    futures[1].set_result(1);
    const auto first = aio::concurrent::wait(futures, aio::ReturnWhen::first_completed);
    CHECK(places(futures, first.done) == "1");
    CHECK(places(futures, first.not_done) == "02");
    futures[2].set_exception(std::make_exception_ptr(std::runtime_error("no")));
    const auto failed = aio::concurrent::wait(futures, patience::limit, aio::ReturnWhen::first_exception);
    CHECK(places(futures, failed.done) == "12");
}

TEST_CASE("rule 106: a future that is given twice counts once") {
    const Futures once = distinct(1);
    const Futures twice{once[0], once[0]};
    CHECK(aio::concurrent::wait(twice, 0s).not_done.size() == 1);
    once[0].set_result(3);
    CHECK(aio::concurrent::wait(twice).done.size() == 1);
    int count = 0;
    for (const auto& future : aio::concurrent::as_completed(twice)) count += future.result();
    CHECK(count == 3);
}

TEST_CASE("rule 106: as_completed gives futures in the order in which they end") {
    const Futures futures = distinct(3);
    auto completed = aio::concurrent::as_completed(futures, patience::limit);
    futures[2].set_result(2);
    futures[0].set_result(0);
    CHECK(completed.next()->state() == futures[2].state());
    CHECK(completed.next()->state() == futures[0].state());
    futures[1].set_exception(std::make_exception_ptr(std::runtime_error("no")));
    CHECK_THROWS_AS(completed.next()->result(), std::runtime_error);
    CHECK_FALSE(completed.next().has_value());
}

TEST_CASE("rule 106: as_completed throws when the time is up, and says how many futures are unfinished") {
    const Futures futures = distinct(3);
    futures[0].set_result(1);
    auto completed = aio::concurrent::as_completed(futures, 1ms);
    CHECK(completed.next().has_value());
    std::string message;
    try {
        static_cast<void>(completed.next());
    } catch (const aio::TimeoutError& error) {
        message = error.what();
    }
    CHECK(message == "2 (of 3) futures unfinished");
}

TEST_CASE("concurrent wait: for calls in threads, again and again, from several threads") {
    aio::ThreadPoolExecutor pool(4);
    Futures futures;
    for (int i = 0; i < 200; ++i) futures.push_back(pool.submit([i] { return i; }));
    std::vector<std::thread> waiters;
    std::atomic<int> sums = 0;
    for (int t = 0; t < 3; ++t)
        waiters.emplace_back([&] {
            int sum = 0;
            for (const auto& future : aio::concurrent::as_completed(futures, patience::limit))
                sum += future.result();
            sums += sum;
        });
    while (!aio::concurrent::wait(futures, 1ms).not_done.empty()) {
    }
    for (auto& waiter : waiters) waiter.join();
    CHECK(sums == 3 * 199 * 100);
}
