// expect: a function whose items are streamed takes an aio::Emit<T>
#include <aio/executors/process_pool.hpp>

int square(int x) { return x * x; }
void squares(aio::Emit<int> emit, int x) { emit(square(x)); }

void open(aio::ProcessPoolExecutor& pool) {
#ifdef FIXED
    const auto stream = pool.stream(squares, 1);
#else
    pool.stream(square, 1);
#endif
}
