#include <aio/executors/interpreter_pool.hpp>

#if AIO_HAVE_LUA

#include <memory>
#include <utility>

#include <aio/executors/interpreters/lua_interpreter.hpp>

namespace aio {

InterpreterPoolExecutor::InterpreterPoolExecutor(InterpreterPoolOptions options)
    : InterpreterPoolBase(std::move(options), "InterpreterPoolExecutor",
                          [](const detail::InterpreterSetup& setup) -> std::unique_ptr<detail::Interpreter> {
                              return std::make_unique<detail::LuaInterpreter>(setup);
                          }) {}

InterpreterPoolExecutor::InterpreterPoolExecutor(int max_workers, InterpreterPoolOptions options)
    : InterpreterPoolExecutor(with_max_workers(std::move(options), max_workers)) {}

} // namespace aio

#endif
