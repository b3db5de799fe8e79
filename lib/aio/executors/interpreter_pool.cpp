#include <aio/executors/interpreter_pool.hpp>

#if AIO_HAVE_LUA

#include <exception>
#include <utility>

#include <aio/executors/interpreters/thread_interpreter.hpp>

namespace aio {
namespace {

std::string prefix_or_default(std::string prefix) {
    static constinit std::atomic<unsigned> pools{0};
    if (!prefix.empty()) return prefix;
    return "InterpreterPoolExecutor-" + std::to_string(pools.fetch_add(1));
}

std::exception_ptr broken_interpreter_pool(const std::string& reason) {
    return std::make_exception_ptr(BrokenInterpreterPool(reason));
}

} // namespace

InterpreterPoolExecutor::InterpreterPoolExecutor(int max_workers, InterpreterPoolOptions options)
    : InterpreterPoolExecutor(max_workers, std::move(options), std::make_shared<std::atomic<bool>>(false)) {}

InterpreterPoolExecutor::InterpreterPoolExecutor(int max_workers, InterpreterPoolOptions options,
                                                 std::shared_ptr<std::atomic<bool>> stop)
    : ThreadPoolExecutor(
          max_workers, prefix_or_default(std::move(options.thread_name_prefix_)),
          [steps = std::move(options.steps_), stop] { detail::start_thread_interpreter(steps, stop); },
          &broken_interpreter_pool),
      stop_(std::move(stop)) {}

void InterpreterPoolExecutor::terminate_workers() {
    shutdown(false, true);
    stop_->store(true, std::memory_order_relaxed);
}

} // namespace aio

#endif
