#pragma once

/// The library's own done callbacks: they run through the ready queue, as users' callbacks do, so that everything happens in the order in
/// which it became ready.

#include <aio/core/frame_pool.hpp>
#include <aio/core/future_state.hpp>
#include <aio/core/ready_queue.hpp>

namespace aio::detail {

/// Owns itself from `watch` until it has been called or its future or loop is gone.
class QueuedCallback : public FutureCallback, public ReadyItem, public PoolAllocated {
public:
    virtual ~QueuedCallback() = default;

    /// Waits for `future`; if that is done already, the call is queued at once.
    void watch(FutureState& future) noexcept {
        loop_ = &future.loop();
        if (future.done())
            on_done();
        else
            future.add_callback(*this);
    }

protected:
    QueuedCallback() = default;
    QueuedCallback(const QueuedCallback&) = delete;
    QueuedCallback& operator=(const QueuedCallback&) = delete;

    /// The future is done, and the loop has got to this callback.
    virtual void call() = 0;

private:
    void on_done() noexcept final { loop_->ready.push(*this); }
    void on_abandoned() noexcept final { delete this; }
    void run() noexcept final {
        call();
        delete this;
    }
    void drop() noexcept final { delete this; }
    LoopState* loop_ = nullptr;
};

} // namespace aio::detail
