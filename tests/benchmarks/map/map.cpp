/// What chunks are worth: many short calls in worker processes by `map`, and by a `submit` for each with as
/// many under way. The two take turns; only the ratio of one run says something.
///
///     benchmark_map [calls] [rounds]

#include <algorithm>
#include <chrono>
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

constexpr int workers = 2;
constexpr std::size_t under_way = 64;

/// Microseconds of work at most.
long short_call(int n) {
    long sum = 0;
    for (int i = 0; i < 100; ++i) sum += (n ^ i) % 7;
    return sum;
}

aio::Coro<long> by_map(aio::ProcessPoolExecutor& pool, int calls) {
    long sum = 0;
    auto results = aio::map(pool, short_call, std::views::iota(0, calls));
    while (const std::optional<long> result = co_await results.next()) sum += *result;
    co_return sum;
}

aio::Coro<long> by_submit(aio::ProcessPoolExecutor& pool, int calls) {
    aio::EventLoop& loop = aio::get_running_loop();
    std::deque<aio::Future<long>> futures;
    long sum = 0;
    for (int n = 0; n < calls; ++n) {
        if (futures.size() == under_way) {
            sum += co_await futures.front();
            futures.pop_front();
        }
        futures.push_back(loop.run_in_executor(pool, short_call, n));
    }
    for (const auto& future : futures) sum += co_await future;
    co_return sum;
}

/// Microseconds for each call.
template <class Body>
aio::Coro<double> measure(Body body, aio::ProcessPoolExecutor& pool, int calls) {
    const auto began = Clock::now();
    const long sum = co_await body(pool, calls);
    const std::chrono::duration<double, std::micro> took = Clock::now() - began;
    long expected = 0;
    for (int n = 0; n < calls; ++n) expected += short_call(n);
    if (sum != expected) {
        std::puts("wrong results");
        std::exit(1);
    }
    co_return took.count() / calls;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

aio::Coro<int> amain(int calls, int rounds) {
    aio::ProcessPoolExecutor pool(workers);
    std::vector<double> map_times;
    std::vector<double> submit_times;
    std::vector<double> ratios;
    for (int round = 0; round <= rounds; ++round) {
        const double submit_time = co_await measure(by_submit, pool, calls);
        const double map_time = co_await measure(by_map, pool, calls);
        // The first round starts the workers.
        if (round == 0) continue;
        submit_times.push_back(submit_time);
        map_times.push_back(map_time);
        ratios.push_back(submit_time / map_time);
    }
    std::printf("submit  %8.2f us a call\nmap     %8.2f us a call\nratio   %8.1f\n", median(submit_times),
                median(map_times), median(ratios));
    co_return 0;
}

} // namespace

int main(int argc, char** argv) {
    aio::worker_entry();
    const int calls = argc > 1 ? std::atoi(argv[1]) : 20'000;
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
    return aio::run(amain(calls, rounds));
}
