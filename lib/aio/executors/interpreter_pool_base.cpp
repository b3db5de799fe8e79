#include <aio/executors/interpreter_pool_base.hpp>

#include <exception>

#include <aio/executors/interpreters/execution_failed.hpp>

namespace aio::detail {
namespace {

std::exception_ptr broken_interpreter_pool(const std::string& reason) {
    return std::make_exception_ptr(BrokenInterpreterPool(reason));
}

} // namespace

ThreadPoolOptions InterpreterPoolBase::thread_options(InterpreterPoolOptions& options) {
    ThreadPoolOptions threads;
    if (options.max_workers_ > 0) threads.max_workers(options.max_workers_);
    return threads.thread_name_prefix(std::move(options.thread_name_prefix_));
}

WorkerKind InterpreterPoolBase::worker_kind(InterpreterPoolOptions options, std::string pool_name,
                                            Factory factory, std::stop_token terminated) {
    WorkerKind kind(std::move(pool_name), &broken_interpreter_pool);
    kind.max_tasks_per_worker = options.max_tasks_per_worker_;
    // The program's own preparation may take as many steps as it likes.
    const ScriptLimits limits(0, options.limits_.memory);
    kind.make_resource =
        [factory = std::move(factory),
         setup = InterpreterSetup(std::move(options.steps_), ScriptRun(std::move(terminated), limits))]() {
            return std::unique_ptr<WorkerResource>(factory(setup));
        };
    return kind;
}

InterpreterPoolBase::InterpreterPoolBase(InterpreterPoolOptions options, std::string pool_name,
                                         Factory factory)
    : InterpreterPoolBase(std::move(options), std::move(pool_name), std::move(factory), std::stop_source()) {}

InterpreterPoolBase::InterpreterPoolBase(InterpreterPoolOptions options, std::string pool_name,
                                         Factory factory, std::stop_source terminated)
    : ThreadPoolExecutor(thread_options(options), worker_kind(options, std::move(pool_name),
                                                              std::move(factory), terminated.get_token())),
      limits_(options.limits_),
      terminated_(std::move(terminated)) {}

InterpreterPoolOptions InterpreterPoolBase::with_max_workers(InterpreterPoolOptions options,
                                                             int max_workers) {
    options.max_workers(max_workers);
    return options;
}

void InterpreterPoolBase::terminate_workers() {
    shutdown(false, true);
    terminated_.request_stop();
    request_stop();
}

} // namespace aio::detail
