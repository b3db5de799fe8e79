/// What the foundation costs, next to bare libuv and to Python, in one run.
///
/// Figures of different runs, or of different machines, say little; the ratios of one run do. Each of ours is
/// named `X/aiouv`; its counterparts are `X/raw` and `X/python`. The last table gives the ratios.
/// `allocations` counts calls of `operator new` per operation in the steady state.

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <aio/aio.hpp>

#include "allocations.hpp"
#include "raw_counterparts.hpp"

namespace {

using namespace std::chrono_literals;

constexpr int batch = 10'000;

/// Runs `body(n)` on a loop for each iteration and counts its n operations.
template <class Body>
void measure(benchmark::State& state, int operations, Body body) {
    aio::EventLoop loop;
    loop.run_until_complete(body(operations));
    const std::uint64_t before = allocations();
    for (auto _ : state) loop.run_until_complete(body(operations));
    const auto total = static_cast<double>(state.iterations() * operations);
    state.SetItemsProcessed(static_cast<std::int64_t>(total));
    state.counters["allocations"] = static_cast<double>(allocations() - before) / total;
}

aio::Coro<int> ready() { co_return 1; }

aio::Coro<long> await_ready(int n) {
    long sum = 0;
    for (int i = 0; i < n; ++i) sum += co_await ready();
    co_return sum;
}

aio::Coro<> give_way(int n) {
    for (int i = 0; i < n; ++i) co_await aio::sleep(0s);
}

aio::Coro<> create_tasks(int n) {
    for (int i = 0; i < n; ++i) co_await aio::create_task(ready());
}

aio::Coro<> sleep_once() { co_await aio::sleep(1ms); }

aio::Coro<> sleep_many(int n) {
    co_await aio::with_task_group([n](aio::TaskGroup& group) -> aio::Coro<> {
        for (int i = 0; i < n; ++i) group.create_task(sleep_once());
        co_return;
    });
}

aio::Coro<> hand_over(int n) {
    aio::EventLoop& loop = aio::get_running_loop();
    for (int i = 0; i < n; ++i) {
        aio::Future<int> future = loop.create_future<int>();
        loop.call_soon([future]() mutable { future.set_result(1); });
        co_await future;
    }
}

int nothing(int n) { return n; }

aio::Coro<> to_threads(int n) {
    for (int i = 0; i < n; ++i) co_await aio::to_thread(nothing, i);
}

aio::Coro<> call_processes(aio::ProcessPoolExecutor& pool, int n) {
    aio::EventLoop& loop = aio::get_running_loop();
    for (int i = 0; i < n; ++i) co_await loop.run_in_executor(pool, nothing, i);
}

void BM_ready_await(benchmark::State& state) { measure(state, batch, await_ready); }
void BM_yield(benchmark::State& state) { measure(state, batch, give_way); }
void BM_create_task(benchmark::State& state) { measure(state, batch, create_tasks); }
void BM_sleep(benchmark::State& state) { measure(state, batch, sleep_many); }
void BM_future_hand_over(benchmark::State& state) { measure(state, batch, hand_over); }
void BM_to_thread(benchmark::State& state) { measure(state, 1'000, to_threads); }
void BM_process_pool(benchmark::State& state) {
    auto pool = std::make_unique<aio::ProcessPoolExecutor>(1);
    measure(state, 1'000, [&](int n) { return call_processes(*pool, n); });
}

BENCHMARK(BM_ready_await)->Name("ready_await/aiouv");
BENCHMARK(BM_yield)->Name("yield/aiouv");
BENCHMARK(BM_create_task)->Name("create_task/aiouv");
BENCHMARK(BM_sleep)->Name("sleep/aiouv")->UseRealTime();
BENCHMARK(raw_sleep)->Name("sleep/raw")->UseRealTime();
BENCHMARK(BM_future_hand_over)->Name("future_hand_over/aiouv");
BENCHMARK(BM_to_thread)->Name("to_thread/aiouv")->UseRealTime();
BENCHMARK(raw_queue_work)->Name("to_thread/raw")->UseRealTime();
BENCHMARK(BM_process_pool)->Name("process_pool/aiouv")->UseRealTime();
BENCHMARK(raw_pipe_ping_pong)->Name("process_pool/raw")->UseRealTime();

/// Prints as usual, and remembers nanoseconds per operation.
class Collector : public benchmark::ConsoleReporter {
public:
    void ReportRuns(const std::vector<Run>& runs) override {
        ConsoleReporter::ReportRuns(runs);
        for (const Run& run : runs) {
            if (run.run_type == Run::RT_Aggregate && run.aggregate_name != "median") continue;
            const auto items = run.counters.find("items_per_second");
            if (items == run.counters.end() || items->second.value <= 0) continue;
            std::string name = run.run_name.function_name;
            nanoseconds[name] = 1e9 / items->second.value;
        }
    }
    std::map<std::string, double> nanoseconds;
};

void measure_python(const char* script, std::map<std::string, double>& nanoseconds) {
    const std::string command = "python3 " + std::string(script);
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return;
    char line[256];
    while (std::fgets(line, sizeof line, pipe) != nullptr) {
        std::istringstream fields{std::string(line)};
        std::string name;
        double value = 0;
        if (fields >> name >> value) nanoseconds[name + "/python"] = value;
    }
    pclose(pipe);
}

void print_ratios(const std::map<std::string, double>& nanoseconds) {
    std::printf("\n%-18s %12s %12s %12s %10s %12s\n", "operation", "aiouv ns", "raw ns", "python ns",
                "vs raw", "vs python");
    for (const auto& [name, value] : nanoseconds) {
        const auto slash = name.find('/');
        if (name.substr(slash) != "/aiouv") continue;
        const std::string operation = name.substr(0, slash);
        const auto get = [&](const char* kind) {
            const auto found = nanoseconds.find(operation + kind);
            return found == nanoseconds.end() ? 0.0 : found->second;
        };
        const double raw = get("/raw");
        const double python = get("/python");
        std::printf("%-18s %12.1f", operation.c_str(), value);
        raw > 0 ? std::printf(" %12.1f", raw) : std::printf(" %12s", "-");
        python > 0 ? std::printf(" %12.1f", python) : std::printf(" %12s", "-");
        raw > 0 ? std::printf(" %9.2fx", value / raw) : std::printf(" %10s", "-");
        python > 0 ? std::printf(" %11.1fx\n", python / value) : std::printf(" %12s\n", "-");
    }
    std::printf("(vs raw: our time as a multiple of the raw one. vs python: how many times faster.)\n");
}

} // namespace

int main(int argc, char** argv) {
    aio::worker_entry();
    benchmark::Initialize(&argc, argv);
    Collector collector;
    benchmark::RunSpecifiedBenchmarks(&collector);
    measure_python(AIO_BENCHMARK_SCRIPT, collector.nanoseconds);
    print_ratios(collector.nanoseconds);
    return 0;
}
