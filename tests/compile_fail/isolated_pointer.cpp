// expect: an argument cannot be given to an isolated worker
// expect: would share memory
#include <aio/executors/isolated_pool.hpp>

#ifdef FIXED
int add(int& state, int value) { return state + value; }
#else
int add(int& state, const int* value) { return state + *value; }
#endif

aio::ConcurrentFuture<int> submit(aio::IsolatedPoolExecutor<int>& pool, int value) {
#ifdef FIXED
    return pool.submit(add, value);
#else
    return pool.submit(add, &value);
#endif
}
