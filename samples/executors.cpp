// A blocking read and a CPU-bound sum on each of the four pools: asyncio's example of executors.

#include <aio/aio.hpp>
#include <aio/executors/interpreter_pool.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

using namespace std::chrono;

/// Waits for a disk: on the loop's own thread, everything else would wait as well.
std::size_t blocking_io(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {}).size();
}

/// Keeps a processor busy.
long cpu_bound(long n) {
    long sum = 0;
    for (long i = 0; i < n; ++i) sum += i * i % 7;
    return sum;
}

#if AIO_HAVE_LUA
/// The same two for interpreters, which run no C++.
constexpr const char* in_lua = R"(
    function blocking_io(path)
        local file <close> = assert(io.open(path, "rb"))
        return #file:read("a")
    end

    function cpu_bound(n)
        local sum = 0
        for i = 0, n - 1 do sum = sum + i * i % 7 end
        return sum
    end
)";
#endif

/// Makes both calls in `pool`, one after the other, and prints what came back, and when.
template <class Pool, class Read, class Sum>
aio::Coro<> show(const char* name, Pool& pool, Read read, Sum sum) {
    aio::EventLoop& loop = aio::get_running_loop();

    const auto start = steady_clock::now();
    const std::size_t bytes = co_await loop.run_in_executor(pool, read, "/etc/passwd");
    const auto middle = steady_clock::now();
    const long total = co_await loop.run_in_executor(pool, sum, 10'000'000L);
    const auto end = steady_clock::now();

    std::printf("%-18s read %zu bytes in %.2f ms, the sum is %ld after %.1f ms\n", name, bytes,
                duration<double, std::milli>(middle - start).count(), total,
                duration<double, std::milli>(end - middle).count());
}

aio::Coro<int> amain() {
    // 1. The loop's default executor, for which nullptr and aio::to_thread also stand.
    co_await show("default executor", aio::get_running_loop().default_executor(), blocking_io, cpu_bound);

    // 2. Threads of your own.
    aio::ThreadPoolExecutor threads;
    co_await show("thread pool", threads, blocking_io, cpu_bound);

    // 3. Processes: for what is CPU-bound, or may crash.
    aio::ProcessPoolExecutor processes;
    co_await show("process pool", processes, blocking_io, cpu_bound);

    // 4. Interpreters: for scripts, each thread with a Lua of its own.
#if AIO_HAVE_LUA
    aio::InterpreterPoolExecutor interpreters(1, aio::InterpreterPoolOptions().source(in_lua));
    co_await show("interpreter pool", interpreters, aio::lua<std::size_t>("blocking_io"),
                  aio::lua<long>("cpu_bound"));
#else
    std::printf("%-18s not in this build, which has no Lua\n", "interpreter pool");
#endif
    co_return 0;
}

int main() { return aio::run(amain()); }
