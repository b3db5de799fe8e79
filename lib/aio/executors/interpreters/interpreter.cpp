#include <aio/executors/interpreters/interpreter.hpp>

#include <aio/core/errors.hpp>

namespace aio::detail {

Interpreter& thread_interpreter(const ScriptTarget& target) {
    auto* const interpreter = dynamic_cast<Interpreter*>(worker_resource());
    if (interpreter == nullptr)
        throw RuntimeError(target.describe() + " cannot be called in a thread without an interpreter");
    return *interpreter;
}

} // namespace aio::detail
