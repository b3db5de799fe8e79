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

} // namespace aio::detail
