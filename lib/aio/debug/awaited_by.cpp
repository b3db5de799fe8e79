#include <aio/debug/awaited_by.hpp>

#include <vector>

#include <aio/core/frame_pool.hpp>
#include <aio/core/loop_resource.hpp>

namespace aio {
namespace {

/// Owns itself. It hangs in both futures and in the loop, and whichever ends first deletes it.
class NotedEdge final : public detail::PoolAllocated, private detail::LoopResource {
public:
    static void add(detail::FutureState& future, detail::FutureState& waiter) {
        new NotedEdge(future, waiter);
    }
    static void discard(detail::FutureState& future, const detail::FutureState& waiter) {
        std::vector<NotedEdge*> found;
        future.for_each_callback([&](detail::FutureCallback& callback) {
            auto* const end = dynamic_cast<FutureEnd*>(&callback);
            if (end != nullptr && &end->edge.waiter_ == &waiter) found.push_back(&end->edge);
        });
        for (NotedEdge* const edge : found) delete edge;
    }

private:
    /// What hangs in either future.
    class End : public detail::FutureCallback {
    public:
        NotedEdge& edge;

    protected:
        explicit End(NotedEdge& owner) noexcept : edge(owner) {}
        ~End() = default;

    private:
        void on_done() noexcept final { delete &edge; }
        void on_abandoned() noexcept final { delete &edge; }
    };
    class FutureEnd final : public End {
    public:
        explicit FutureEnd(NotedEdge& owner) noexcept : End(owner) {}

    private:
        void list_waiters(std::vector<detail::FutureState*>& waiters) const override {
            waiters.push_back(&edge.waiter_);
        }
    };
    class WaiterEnd final : public End {
    public:
        explicit WaiterEnd(NotedEdge& owner) noexcept : End(owner) {}
    };

    NotedEdge(detail::FutureState& future, detail::FutureState& waiter) noexcept : waiter_(waiter) {
        future.add_callback(future_end_);
        waiter.add_callback(waiter_end_);
        future.loop().resources.push_back(*this);
    }
    ~NotedEdge() = default;
    void loop_closing() noexcept override { delete this; }

    detail::FutureState& waiter_;
    FutureEnd future_end_{*this};
    WaiterEnd waiter_end_{*this};
};

} // namespace

void future_add_to_awaited_by(const AnyFuture& future, const AnyFuture& waiter) {
    detail::FutureState& awaited = future.state();
    detail::FutureState& waiting = waiter.state();
    if (&awaited.loop() != &waiting.loop())
        throw RuntimeError("future_add_to_awaited_by: the two futures are attached to different loops");
    if (&awaited == &waiting) throw ValueError("future_add_to_awaited_by: a future cannot wait for itself");
    awaited.loop().check_open();
    if (!awaited.done() && !waiting.done()) NotedEdge::add(awaited, waiting);
}

void future_discard_from_awaited_by(const AnyFuture& future, const AnyFuture& waiter) {
    NotedEdge::discard(future.state(), waiter.state());
}

} // namespace aio
