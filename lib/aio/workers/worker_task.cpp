#include <aio/workers/worker_task.hpp>

#include <atomic>

namespace aio {
namespace {

constinit std::atomic<detail::TaskControl*> current{nullptr};

} // namespace

namespace detail {

void set_task_control(TaskControl* control) noexcept { current = control; }

} // namespace detail

WorkerTask worker_task() noexcept { return WorkerTask(current); }

} // namespace aio
