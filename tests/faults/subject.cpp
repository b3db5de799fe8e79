/// The program that faults_test.py disturbs.
///
///     subject terminal CALLS   makes so many calls, two at a time, and prints the workers' numbers, "begun"
///                              when some have ended, and in the end the sum
///     subject replaced         makes calls, says "ready", waits for a line, and makes calls by workers that
///                              are forked, spawned, and forked from a zygote that is this program again

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/executors/process_pool.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/run.hpp>
#include <aio/workers/process_start.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

long slow_square(long x) {
    ::usleep(3000);
    return x * x;
}
int parent() { return ::getppid(); }

void print(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

aio::Coro<int> terminal(long calls) {
    auto& loop = aio::get_running_loop();
    aio::ProcessPoolExecutor pool(2);
    std::vector<aio::Future<long>> futures;
    for (long i = 0; i < calls; ++i) futures.push_back(loop.run_in_executor(pool, slow_square, i));
    static_cast<void>(co_await futures[20]);
    std::string workers = "workers";
    for (const int pid : pool.worker_pids()) workers += ' ' + std::to_string(pid);
    print(workers);
    print("begun");
    // Cancelled, it cancels them all.
    const std::vector<long> values = co_await aio::gather(futures);
    long sum = 0;
    for (const long value : values) sum += value;
    print("sum " + std::to_string(sum));
    co_return 0;
}

aio::Coro<std::string> result_of(aio::StartMethod method) {
    auto& loop = aio::get_running_loop();
    std::string text;
    try {
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).start_method(method));
        const long value = co_await loop.run_in_executor(pool, slow_square, 7L);
        text = std::to_string(value);
    } catch (const std::exception& error) {
        text = error.what();
    }
    co_return text;
}

aio::Coro<int> replaced() {
    auto& loop = aio::get_running_loop();
    int zygote = 0;
    {
        aio::ProcessPoolExecutor pool(1);
        zygote = co_await loop.run_in_executor(pool, parent);
    }
    print("ready");
    // Nothing else runs meanwhile.
    if (std::getchar() == EOF) co_return 1;
    const std::string forked = co_await result_of(aio::StartMethod::zygote);
    print("forked " + forked);
    const std::string spawned = co_await result_of(aio::StartMethod::spawn);
    print("spawned " + spawned);
    // With a thread more, and without the zygote that it has, the program must be executed to get another.
    std::thread other([] { ::pause(); });
    other.detach();
    ::kill(zygote, SIGKILL);
    std::string executed = co_await result_of(aio::StartMethod::zygote);
    print("executed " + executed);
    co_return 0;
}

} // namespace

int main(int count, char** arguments) {
    aio::worker_entry();
    const std::string mode = count > 1 ? arguments[1] : "";
    try {
        if (mode == "terminal" && count > 2) return aio::run(terminal(std::atol(arguments[2])));
        if (mode == "replaced") return aio::run(replaced());
    } catch (const aio::KeyboardInterrupt&) {
        return 130;
    }
    return 2;
}
