// expect: this callable cannot be sent to another process
// expect: pass the captured values as arguments
#include <aio/executors/process_pool.hpp>
#include <aio/executors/run_in_executor.hpp>

aio::Coro<int> shift(aio::ProcessPoolExecutor& pool, int offset) {
    aio::EventLoop& loop = aio::get_running_loop();
#ifdef FIXED
    const auto add = [](int x, int y) { return x + y; };
    co_return co_await loop.run_in_executor(pool, add, 1, offset);
#else
    const auto add = [offset](int x) { return x + offset; };
    co_return co_await loop.run_in_executor(pool, add, 1);
#endif
}
