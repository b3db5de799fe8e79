#include <aio/executors/interpreter_pool.hpp>

#if AIO_HAVE_LUA

#include <atomic>
#include <exception>

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
    : ThreadPoolExecutor(
          max_workers, prefix_or_default(std::move(options.thread_name_prefix_)),
          [steps = std::move(options.steps_)] { detail::start_thread_interpreter(steps); },
          &broken_interpreter_pool) {}

} // namespace aio

#endif
