#pragma once

/// Which loop runs on this thread.

#include <aio/core/loop_state.hpp>

namespace aio::detail {

/// Marks a loop as running on this thread for a scope.
class RunningLoopScope {
public:
    explicit RunningLoopScope(LoopState* state) noexcept;
    ~RunningLoopScope();
    RunningLoopScope(const RunningLoopScope&) = delete;
    RunningLoopScope& operator=(const RunningLoopScope&) = delete;

private:
    LoopState* previous_;
};

} // namespace aio::detail
