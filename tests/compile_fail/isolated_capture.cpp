// expect: an isolated worker runs functions and lambdas without captures
// expect: pass what the lambda captures as arguments, or keep it in the State
#include <aio/executors/isolated_pool.hpp>

aio::ConcurrentFuture<int> submit(aio::IsolatedPoolExecutor<int>& pool, int more) {
#ifdef FIXED
    return pool.submit([](int& state, int m) { return state += m; }, more);
#else
    return pool.submit([more](int& state) { return state += more; });
#endif
}
