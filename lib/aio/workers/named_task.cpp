#include <aio/workers/named_task.hpp>

#include <cstddef>
#include <memory>
#include <mutex>

#include <aio/core/errors.hpp>
#include <aio/core/type_name.hpp>

namespace aio {

namespace {

struct TaskRegistry {
    std::mutex mutex;
    detail::IntrusiveList<TaskRegistration> tasks;
};

/// Made by the first task of whichever file comes first, and never destroyed, since plugins and globals leave
/// in any order.
TaskRegistry& registry() {
    alignas(TaskRegistry) static std::byte storage[sizeof(TaskRegistry)];
    static TaskRegistry* const instance = std::construct_at(reinterpret_cast<TaskRegistry*>(storage));
    return *instance;
}

} // namespace

void TaskRegistration::enter() {
    TaskRegistry& known = registry();
    const std::scoped_lock lock(known.mutex);
    known.tasks.push_back(*this);
}

TaskRegistration::~TaskRegistration() {
    const std::scoped_lock lock(registry().mutex);
    unlink();
}

std::string TaskRegistration::place() const {
    return std::string(where_.file_name()) + ":" + std::to_string(where_.line());
}

namespace detail {

std::string TaskSignature::text() const { return type_name(*type_); }

void run_named_task(const std::string& name, const TaskSignature& wanted, ByteReader& in, ByteWriter& out) {
    const TaskRegistration* found = nullptr;
    NamedThunk thunk = nullptr;
    AnyFunction function = nullptr;
    {
        TaskRegistry& known = registry();
        const std::scoped_lock lock(known.mutex);
        known.tasks.for_each([&](const TaskRegistration& task) {
            if (task.name() != name) {
                return;
            }
            if (found != nullptr && !found->is_same_function(task)) {
                throw RuntimeError("two tasks are registered as '" + name + "': at " + found->place() +
                                   " and at " + task.place());
            }
            if (found == nullptr) {
                found = &task;
            }
        });
        if (found == nullptr) {
            throw RuntimeError("no task is registered as '" + name +
                               "' in the process that should run it: the plugin that has it is not loaded, "
                               "or the linker has left its object file out");
        }
        if (found->signature().hash() != wanted.hash()) {
            throw RuntimeError("the task '" + name + "', registered at " + found->place() + " as " +
                               found->signature().text() + ", is called as " + wanted.text());
        }
        thunk = found->thunk_;
        function = found->function_;
    }
    thunk(function, in, out);
}

} // namespace detail
} // namespace aio
