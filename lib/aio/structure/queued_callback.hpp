#pragma once

/// The library's own done callbacks: they run through the ready queue, as users' callbacks do, so that
/// everything happens in the order in which it became ready.

#include <utility>

#include <aio/core/frame_pool.hpp>
#include <aio/core/future_state.hpp>
#include <aio/core/ready_queue.hpp>
#include <aio/core/ref.hpp>

namespace aio::detail {

/// Owns itself from `watch` until it has been called or its future or loop is gone. Holds the future only
/// when that is done: a pending future holds its callbacks, and nobody would ever let go of the two.
class QueuedCallback : public FutureCallback, public ReadyItem, public PoolAllocated {
public:
    virtual ~QueuedCallback() = default;

    /// Waits for `future`; if that is done already, the call is queued at once.
    void watch(FutureState& future) noexcept {
        loop_ = &future.loop();
        future_ = &future;
        if (future.done())
            on_done();
        else
            future.add_callback(*this);
    }

protected:
    QueuedCallback() = default;
    QueuedCallback(const QueuedCallback&) = delete;
    QueuedCallback& operator=(const QueuedCallback&) = delete;

    /// `future` is done, and the loop has got to this callback.
    virtual void call(Ref<FutureState> future) = 0;
    /// The future that is watched.
    [[nodiscard]] FutureState& watched() const noexcept { return *future_; }

private:
    void on_done() noexcept final {
        held_ = Ref<FutureState>(future_);
        loop_->ready.push(*this);
    }
    void on_abandoned() noexcept final { delete this; }
    void run() noexcept final {
        call(std::move(held_));
        delete this;
    }
    void drop() noexcept final { delete this; }
    LoopState* loop_ = nullptr;
    FutureState* future_ = nullptr;
    Ref<FutureState> held_;
};

} // namespace aio::detail
