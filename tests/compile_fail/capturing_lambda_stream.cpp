// expect: this callable cannot be sent to another process
// expect: pass the captured values as arguments
#include <aio/executors/process_pool.hpp>

void open(aio::ProcessPoolExecutor& pool, int offset) {
#ifdef FIXED
    const auto stream = pool.stream([](aio::Emit<int> emit, int x, int y) { emit(x + y); }, 1, offset);
#else
    pool.stream([offset](aio::Emit<int> emit, int x) { emit(x + offset); }, 1);
#endif
}
