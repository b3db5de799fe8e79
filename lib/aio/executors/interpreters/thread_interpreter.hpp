#pragma once

/// The interpreter of a worker thread. Calls reach it by `call_interpreter`.

#include <atomic>
#include <memory>
#include <vector>

#include <aio/executors/interpreters/interpreter_setup.hpp>

namespace aio::detail {

/// Makes an interpreter for this thread, which is closed when the thread ends. Scripts in it are stopped once
/// `stop` is true. Throws what makes the pool broken.
void start_thread_interpreter(const std::vector<SetupStep>& setup,
                              std::shared_ptr<const std::atomic<bool>> stop);

} // namespace aio::detail
