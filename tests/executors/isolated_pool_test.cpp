#include <aio/executors/isolated_pool.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <aio/core/sleep.hpp>
#include <aio/structure/run.hpp>

#include "patience.hpp"
#include "support/text.hpp"

namespace {

using namespace std::chrono_literals;
using aio::IsolatedPoolExecutor;
using aio::IsolatedPoolOptions;
using aio::test::contains;

/// Not thread-safe, and tied to the thread that made it.
class Dictionary {
public:
    explicit Dictionary(std::string language = "none", int first = 0)
        : language_(std::move(language)), next_(first), owner_(std::this_thread::get_id()) {
        if (language_ == "klingon") throw std::runtime_error("no such dictionary");
        ++alive;
    }
    ~Dictionary() { --alive; }
    Dictionary(const Dictionary&) = delete;
    Dictionary& operator=(const Dictionary&) = delete;

    int number_of(const std::string& word) {
        if (std::this_thread::get_id() != owner_) throw std::logic_error("used by another thread");
        return numbers_.try_emplace(word, next_ + static_cast<int>(numbers_.size())).first->second;
    }
    [[nodiscard]] const std::string& language() const { return language_; }

    static inline std::atomic<int> alive = 0;

private:
    std::string language_;
    int next_;
    std::thread::id owner_;
    std::map<std::string, int> numbers_;
};

int number_of(Dictionary& dictionary, const std::string& word) { return dictionary.number_of(word); }

patience::Gate begun;

bool until_stopped(Dictionary&, std::stop_token stop, bool) {
    patience::Gate asked;
    std::stop_callback told(stop, [&] { asked.open(); });
    begun.open();
    return asked.wait();
}

} // namespace

TEST_CASE("rule 119: isolated pool: each worker makes a state of its own, which calls get as their first "
          "argument") {
    {
        IsolatedPoolExecutor<Dictionary> pool(IsolatedPoolOptions().max_workers(1), "latin", 10);
        CHECK(Dictionary::alive == 0);
        CHECK(pool.submit(number_of, "rosa").result(patience::limit) == 10);
        CHECK(pool.submit(number_of, std::string("lupus")).result(patience::limit) == 11);
        CHECK(pool.submit(number_of, std::string_view("rosa")).result(patience::limit) == 10);
        const auto language = [](Dictionary& dictionary) { return dictionary.language(); };
        CHECK(pool.submit(language).result(patience::limit) == "latin");
        CHECK(Dictionary::alive == 1);
        const int number = aio::run([&]() -> aio::Coro<int> {
            co_return co_await aio::get_running_loop().run_in_executor(pool, number_of, "canis");
        });
        CHECK(number == 12);
    }
    CHECK(Dictionary::alive == 0);
}

TEST_CASE("rule 119: isolated pool: a state is only ever used by its own thread") {
    IsolatedPoolExecutor<Dictionary> pool(IsolatedPoolOptions().max_workers(4));
    std::vector<aio::ConcurrentFuture<int>> futures;
    for (int i = 0; i < 400; ++i) futures.push_back(pool.submit(number_of, "word " + std::to_string(i % 7)));
    for (const auto& future : futures) CHECK(future.result(patience::limit) < 7);
}

TEST_CASE("rule 119: isolated pool: arguments and results are copies") {
    IsolatedPoolExecutor<std::vector<int>> pool(IsolatedPoolOptions().max_workers(1));
    const auto keep = [](std::vector<int>& state, std::vector<int> more) {
        state.insert(state.end(), more.begin(), more.end());
        return state;
    };
    std::vector<int> mine{1, 2};
    const auto first = pool.submit(keep, mine);
    mine[0] = 9;
    CHECK(first.result(patience::limit) == std::vector<int>{1, 2});
    CHECK(pool.submit(keep, mine).result(patience::limit) == std::vector<int>{1, 2, 9, 2});
    CHECK(first.result() == std::vector<int>{1, 2});
}

TEST_CASE("rule 119: isolated pool: exceptions reach the caller, and the state lives on") {
    IsolatedPoolExecutor<Dictionary> pool(IsolatedPoolOptions().max_workers(1));
    const auto fail = [](Dictionary& dictionary, int number) {
        dictionary.number_of("before");
        if (number > 0) throw std::out_of_range("far");
    };
    CHECK_THROWS_AS(pool.submit(fail, 1).result(patience::limit), std::out_of_range);
    CHECK(pool.submit(number_of, "after").result(patience::limit) == 1);
    CHECK(pool.statistics().failed == 1);
}

TEST_CASE("rule 109: a state that cannot be made breaks the pool") {
    IsolatedPoolExecutor<Dictionary> pool(IsolatedPoolOptions().max_workers(1), "klingon");
    std::string message;
    try {
        pool.submit(number_of, "one").result(patience::limit);
    } catch (const aio::BrokenInterpreterPool& error) {
        message = error.what();
    }
    CHECK(contains(message, "no such dictionary"));
    CHECK_THROWS_AS(pool.submit(number_of, "two"), aio::BrokenExecutor);
}

TEST_CASE("rule 115: a state is made anew after max_tasks_per_worker calls") {
    IsolatedPoolExecutor<Dictionary> pool(IsolatedPoolOptions().max_workers(1).max_tasks_per_worker(2));
    std::string numbers;
    for (int i = 0; i < 5; ++i)
        numbers +=
            std::to_string(pool.submit(number_of, "word " + std::to_string(i)).result(patience::limit));
    CHECK(numbers == "01010");
    CHECK(pool.statistics().replaced == 2);
    CHECK_THROWS_AS(IsolatedPoolOptions().max_tasks_per_worker(0), aio::ValueError);
    CHECK_THROWS_AS(IsolatedPoolOptions().max_workers(0), aio::ValueError);
}

TEST_CASE("rule 119: isolated pool: a call that takes a token is stopped when its task is cancelled") {
    IsolatedPoolExecutor<Dictionary> pool(IsolatedPoolOptions().max_workers(1).thread_name_prefix("words"));
    aio::run([&]() -> aio::Coro<> {
        const auto options = aio::ThreadCallOptions().name("search").wait_when_cancelled();
        const auto body = [&]() -> aio::Coro<bool> {
            co_return co_await aio::get_running_loop().run_in_executor(pool, options, until_stopped, true);
        };
        auto task = aio::create_task(body());
        co_await aio::sleep(0s);
        CHECK(begun.wait());
        REQUIRE(pool.running_calls().size() == 1);
        CHECK(pool.running_calls().front().name == "search");
        CHECK(pool.running_calls().front().thread == "words_0");
        task.cancel();
        bool cancelled = false;
        try {
            co_await task;
        } catch (const aio::CancelledError&) {
            cancelled = true;
        }
        CHECK(cancelled);
        CHECK(pool.statistics().completed == 1);
    });
}
