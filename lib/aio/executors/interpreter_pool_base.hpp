#pragma once

/// What the pools of interpreters have in common. Not for programs: use `InterpreterPoolExecutor`, for Lua,
/// or `ScriptPoolExecutor`.

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include <aio/executors/interpreters/interpreter.hpp>
#include <aio/executors/interpreters/interpreter_call.hpp>
#include <aio/executors/interpreters/interpreter_setup.hpp>
#include <aio/executors/thread_pool.hpp>

namespace aio::detail {

/// Threads with one interpreter each.
class InterpreterPoolBase : public ThreadPoolExecutor {
public:
    /// Refuses further calls, cancels those that have not started, and stops the scripts that run: their
    /// futures fail with `ExecutionFailed`. Returns at once. A script is stopped between two of its
    /// instructions, not inside a library function that blocks.
    void terminate_workers();

protected:
    using Factory = std::function<std::unique_ptr<Interpreter>(const InterpreterSetup&)>;
    /// `pool_name` is the class's, for names of threads.
    InterpreterPoolBase(InterpreterPoolOptions options, std::string pool_name, Factory factory);
    [[nodiscard]] static InterpreterPoolOptions with_max_workers(InterpreterPoolOptions options,
                                                                 int max_workers);

    /// Queues a call whose arguments are copied now.
    template <class R, class... Args>
    ConcurrentFuture<R> submit_script(ScriptTarget target, const ScriptLimits& limits,
                                      const Args&... arguments) {
        check_interpreter_call<R, Args...>();
        using ScriptCall = InterpreterCall<R>;
        std::string name = target.describe();
        auto call = std::make_shared<CallOf<ScriptCall>>(
            ScriptCall(std::move(target), limits.or_else(limits_), arguments...));
        call->set_name(std::move(name));
        submit_call(call);
        return ConcurrentFuture<R>(std::move(call));
    }

private:
    InterpreterPoolBase(InterpreterPoolOptions options, std::string pool_name, Factory factory,
                        std::stop_source terminated);
    static ThreadPoolOptions thread_options(InterpreterPoolOptions& options);
    static WorkerKind worker_kind(InterpreterPoolOptions options, std::string pool_name, Factory factory,
                                  std::stop_token terminated);

    ScriptLimits limits_;
    std::stop_source terminated_;
};

} // namespace aio::detail
