#pragma once

/// Objects with handles on a loop that must not outlive it.

#include <aio/core/intrusive_list.hpp>

namespace aio::detail {

/// Base of whatever holds libuv handles and may live longer than its loop: it is told, and lets go of them,
/// before the loop closes.
class LoopResource : public ListNode {
public:
    /// The loop is closing, on its thread. Close all handles now; the loop will not run user code again.
    virtual void loop_closing() noexcept = 0;

protected:
    LoopResource() = default;
    ~LoopResource() = default;
};

/// Base of what a room above the core keeps for a loop. It is destroyed when the loop closes, while handles
/// can still be closed.
class LoopExtension {
public:
    LoopExtension() = default;
    LoopExtension(const LoopExtension&) = delete;
    LoopExtension& operator=(const LoopExtension&) = delete;
    virtual ~LoopExtension() = default;
};

} // namespace aio::detail
