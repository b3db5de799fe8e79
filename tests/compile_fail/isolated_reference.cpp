// expect: the result cannot leave an isolated worker
#include <aio/executors/isolated_pool.hpp>

#ifdef FIXED
int state_of(int& state) { return state; }
#else
int& state_of(int& state) { return state; }
#endif

auto submit(aio::IsolatedPoolExecutor<int>& pool) { return pool.submit(state_of); }
