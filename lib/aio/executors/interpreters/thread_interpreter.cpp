#include <aio/executors/interpreters/thread_interpreter.hpp>

#include <aio/config.hpp>

#if AIO_HAVE_LUA

#include <memory>
#include <new>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/executors/interpreters/interpreter_call.hpp>
#include <aio/executors/interpreters/lua_interpreter.hpp>
#include <aio/uv/thread.hpp>

namespace aio::detail {
namespace {

// A call needs it from wherever in the thread it runs, and the end of the thread is where it must be closed.
constinit thread_local LuaInterpreter* thread_interpreter = nullptr;

void close_interpreter(void* interpreter) {
    // A call that comes still later is refused.
    thread_interpreter = nullptr;
    delete static_cast<LuaInterpreter*>(interpreter);
}

} // namespace

void start_thread_interpreter(const std::vector<SetupStep>& setup,
                              std::shared_ptr<const std::atomic<bool>> stop) {
    auto interpreter = std::make_unique<LuaInterpreter>(setup, std::move(stop));
    if (!uv::at_thread_exit(&close_interpreter, interpreter.get())) throw std::bad_alloc();
    thread_interpreter = interpreter.release();
}

std::span<const std::byte> call_interpreter(const LuaTarget& target, std::span<const std::byte> arguments,
                                            std::size_t argument_count, std::size_t result_count) {
    if (thread_interpreter == nullptr)
        throw RuntimeError(target.describe() + " cannot be called in a thread without an interpreter");
    return thread_interpreter->call(target, arguments, argument_count, result_count);
}

} // namespace aio::detail

#endif
