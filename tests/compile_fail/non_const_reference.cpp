// expect: It cannot take a non-const reference
#include <aio/executors/process_pool.hpp>

#ifdef FIXED
int increment(int value) { return value + 1; }
#else
void increment(int& value) { ++value; }
#endif

auto submit(aio::ProcessPoolExecutor& pool, int value) { return pool.submit(increment, value); }
