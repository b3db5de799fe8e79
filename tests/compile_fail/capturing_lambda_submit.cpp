// expect: this callable cannot be sent to another process
// expect: pass the captured values as arguments
#include <aio/executors/process_pool.hpp>

aio::ConcurrentFuture<int> submit(aio::ProcessPoolExecutor& pool, int offset) {
#ifdef FIXED
    return pool.submit([](int x, int y) { return x + y; }, 1, offset);
#else
    return pool.submit([offset](int x) { return x + offset; }, 1);
#endif
}
