// expect: an argument cannot be sent to another process
// expect: Pointers, references and views stay behind
#include <aio/executors/process_pool.hpp>

#ifdef FIXED
int value_at(int value) { return value; }
#else
int value_at(const int* value) { return *value; }
#endif

aio::ConcurrentFuture<int> submit(aio::ProcessPoolExecutor& pool, int value) {
#ifdef FIXED
    return pool.submit(value_at, value);
#else
    return pool.submit(value_at, &value);
#endif
}
