/// Short calls in worker processes: how many a second, each alone and in the chunks of `map`, beside Python's
/// pool at its best chunk size; how long it takes to replace a worker that was killed; and how long a loop
/// whose process is large is held up by a pool.
///
///     benchmark_small_calls [calls] [rounds] [MiB of the large process]

#include "benchmarks/measure.hpp"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <optional>
#include <ranges>
#include <vector>

#include <aio/aio.hpp>

namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr int workers = 2;
constexpr std::size_t under_way = 256;

int nothing(int n) { return n; }

aio::Coro<long> by_map(aio::ProcessPoolExecutor& pool, int calls) {
    long sum = 0;
    auto results = aio::map(pool, nothing, std::views::iota(0, calls));
    while (const std::optional<int> result = co_await results.next()) sum += *result;
    co_return sum;
}

aio::Coro<long> by_submit(aio::ProcessPoolExecutor& pool, int calls) {
    aio::EventLoop& loop = aio::get_running_loop();
    std::deque<aio::Future<int>> futures;
    long sum = 0;
    for (int n = 0; n < calls; ++n) {
        if (futures.size() == under_way) {
            sum += co_await futures.front();
            futures.pop_front();
        }
        futures.push_back(loop.run_in_executor(pool, nothing, n));
    }
    for (const auto& future : futures) sum += co_await future;
    co_return sum;
}

/// Calls per second.
template <class Body>
aio::Coro<double> rate_of(Body body, aio::ProcessPoolExecutor& pool, int calls) {
    const auto began = Clock::now();
    const long sum = co_await body(pool, calls);
    const std::chrono::duration<double> took = Clock::now() - began;
    if (sum != static_cast<long>(calls) * (calls - 1) / 2) {
        std::puts("wrong results");
        std::exit(1);
    }
    co_return calls / took.count();
}

/// From the signal to the answer of another worker, in milliseconds.
aio::Coro<double> replacement_time(int kills) {
    aio::EventLoop& loop = aio::get_running_loop();
    aio::ProcessPoolExecutor pool(1);
    std::vector<double> times;
    for (int i = -1; i < kills; ++i) {
        static_cast<void>(co_await loop.run_in_executor(pool, nothing, i));
        const std::vector<int> pids = pool.worker_pids();
        const auto began = Clock::now();
        ::kill(pids.at(0), SIGKILL);
        static_cast<void>(co_await loop.run_in_executor(pool, nothing, i));
        if (i >= 0) times.push_back(Milliseconds(Clock::now() - began).count());
    }
    co_return measure::median(times);
}

/// Counts how long the loop was away at most, and gives the rest of its time to it.
aio::Coro<> watch(Milliseconds& longest, const bool& stop) {
    auto last = Clock::now();
    while (!stop) {
        co_await aio::sleep(std::chrono::seconds(0));
        const auto now = Clock::now();
        longest = std::max<Milliseconds>(longest, now - last);
        last = now;
    }
}

/// The longest pauses of a loop, in milliseconds, while a pool starts, makes calls, loses a worker and
/// replaces it: the median of some pools.
aio::Coro<double> longest_pause(int pools) {
    aio::EventLoop& loop = aio::get_running_loop();
    std::vector<double> pauses;
    for (int i = 0; i < pools; ++i) {
        Milliseconds longest{};
        bool stop = false;
        auto watcher = aio::create_task(watch(longest, stop));
        {
            aio::ProcessPoolExecutor pool(workers);
            for (int n = 0; n < 100; ++n) static_cast<void>(co_await loop.run_in_executor(pool, nothing, n));
            ::kill(pool.worker_pids().at(0), SIGKILL);
            for (int n = 0; n < 100; ++n) static_cast<void>(co_await loop.run_in_executor(pool, nothing, n));
            pool.shutdown(false);
            co_await pool.wait_closed();
        }
        stop = true;
        co_await watcher;
        pauses.push_back(longest.count());
    }
    co_return measure::median(pauses);
}

aio::Coro<> amain(int calls, int rounds, std::size_t mebibytes) {
    std::vector<double> submit_rates;
    std::vector<double> map_rates;
    {
        aio::ProcessPoolExecutor pool(workers);
        for (int round = 0; round <= rounds; ++round) {
            const double submit_rate = co_await rate_of(by_submit, pool, calls / 10);
            const double map_rate = co_await rate_of(by_map, pool, calls);
            // The first round starts the workers.
            if (round == 0) continue;
            submit_rates.push_back(submit_rate);
            map_rates.push_back(map_rate);
        }
        pool.shutdown(false);
        co_await pool.wait_closed();
    }
    const measure::PythonFigures python("small_calls.py " + std::to_string(workers) + " " +
                                        std::to_string(calls));
    const auto line = [&](const char* name, double rate, double other) {
        std::printf("%-34s %12.0f", name, rate);
        if (other > 0) std::printf(" %12.0f %9.1fx", other, rate / other);
        std::printf("\n");
    };
    std::printf("%-34s %12s %12s %10s\n", "calls per second, 2 workers", "aiouv", "python", "");
    line("one by one, 256 under way", measure::median(submit_rates), python.of("submit"));
    line("map", measure::median(map_rates), python.of("map"));

    const double replaced = co_await replacement_time(50);
    std::printf("\nkilled worker to the answer of the next: %.2f ms (median of 50)\n", replaced);
    const double small = co_await longest_pause(15);
    const std::vector<char> ballast(mebibytes << 20, 1);
    const double large = co_await longest_pause(15);
    std::printf(
        "longest pause of the loop beside a pool: %.2f ms; with %zu MiB in use: %.2f ms (medians of 15)\n",
        small, ballast.size() >> 20, large);
}

} // namespace

int main(int argc, char** argv) {
    aio::worker_entry();
    const int calls = argc > 1 ? std::atoi(argv[1]) : 1'000'000;
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
    const std::size_t mebibytes = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 2048;
    aio::run(amain(calls, rounds, mebibytes));
    return 0;
}
