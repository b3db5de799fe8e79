// expect: returns a reference, which would refer to the other process
#include <string>

#include <aio/executors/process_pool.hpp>

#ifdef FIXED
std::string name();
#else
const std::string& name();
#endif

auto submit(aio::ProcessPoolExecutor& pool) { return pool.submit(name); }
