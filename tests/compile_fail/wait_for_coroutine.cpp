// expect: wait takes tasks and futures; give a coroutine to create_task and wait for the task
#include <utility>

#include <aio/structure/wait.hpp>

#ifdef FIXED
auto both(aio::Task<int> task, const aio::Future<>& other) { return aio::wait(task, other); }
#else
auto both(aio::Coro<int> coro, const aio::Future<>& other) { return aio::wait(other, std::move(coro)); }
#endif
