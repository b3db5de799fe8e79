#include <aio/workers/worker_task.hpp>

#include <atomic>

#include <aio/core/errors.hpp>
#include <aio/workers/emit.hpp>

namespace aio {
namespace {

constinit std::atomic<detail::TaskControl*> current{nullptr};

} // namespace

namespace detail {

void set_task_control(TaskControl* control) noexcept { current = control; }

ItemSink& task_item_sink() {
    TaskControl* const control = current;
    ItemSink* const sink = control == nullptr ? nullptr : control->item_sink();
    if (sink == nullptr) throw RuntimeError("only a call that was made by `stream` can emit items");
    return *sink;
}

} // namespace detail

WorkerTask worker_task() noexcept { return WorkerTask(current); }

} // namespace aio
