#include <aio/core/task_factory.hpp>

#include <aio/core/event_loop.hpp>

namespace aio {

void eager_task_factory(NewTask& task) {
    const bool running = detail::running_loop_state() == &task.get_loop().state();
    if (running && !task.options().eager_start_given()) task.options().eager_start();
}

} // namespace aio
