// expect: wait takes tasks and futures; give a coroutine to create_task and wait for the task
#include <utility>
#include <vector>

#include <aio/structure/wait.hpp>

#ifdef FIXED
auto all(std::vector<aio::Task<int>> tasks) { return aio::wait(std::move(tasks)); }
#else
auto all(std::vector<aio::Coro<int>> coros) { return aio::wait(std::move(coros)); }
#endif
