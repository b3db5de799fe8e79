#include <aio/debug/call_graph.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

#include <aio/core/event_loop.hpp>
#include <aio/debug/await_walk_private.hpp>

namespace aio {
namespace {

FutureCallGraph capture(detail::FutureState& future, const CallGraphOptions& options) {
    detail::AwaitWalk walk(&detail::waiters_of);
    walk.walk_from(future);
    std::vector<FutureCallGraph> graphs;
    graphs.reserve(walk.steps().size());
    for (const detail::AwaitWalk::Step& step : walk.steps())
        graphs.emplace_back(detail::take_step_snapshot(step, options), step.mark);
    // A step comes after its parent's, so from the last to the first each is complete when it is moved into
    // its parent.
    for (std::size_t i = graphs.size(); i-- > 0;) {
        FutureCallGraph& graph = graphs[i];
        std::reverse(graph.awaited_by.begin(), graph.awaited_by.end());
        if (i > 0) graphs[walk.steps()[i].parent].awaited_by.push_back(std::move(graph));
    }
    return std::move(graphs.front());
}

} // namespace

FutureCallGraph::FutureCallGraph(const FutureCallGraph& other) : FutureSnapshot(other), mark(other.mark) {
    std::vector<std::pair<const FutureCallGraph*, FutureCallGraph*>> open{{&other, this}};
    while (!open.empty()) {
        const auto [from, to] = open.back();
        open.pop_back();
        to->awaited_by.reserve(from->awaited_by.size());
        for (const FutureCallGraph& waiter : from->awaited_by) {
            to->awaited_by.emplace_back(static_cast<const FutureSnapshot&>(waiter), waiter.mark);
            open.emplace_back(&waiter, &to->awaited_by.back());
        }
    }
}

FutureCallGraph& FutureCallGraph::operator=(FutureCallGraph other) noexcept {
    std::swap(static_cast<FutureSnapshot&>(*this), static_cast<FutureSnapshot&>(other));
    std::swap(mark, other.mark);
    awaited_by.swap(other.awaited_by);
    return *this;
}

FutureCallGraph::~FutureCallGraph() {
    std::vector<FutureCallGraph> open = std::move(awaited_by);
    while (!open.empty()) {
        std::vector<FutureCallGraph> next = std::move(open.back().awaited_by);
        open.pop_back();
        std::move(next.begin(), next.end(), std::back_inserter(open));
    }
}

FutureCallGraph capture_call_graph(const AnyFuture& future, const CallGraphOptions& options) {
    return capture(future.state(), options);
}

std::optional<FutureCallGraph> capture_call_graph(const CallGraphOptions& options) {
    const AnyTask task = current_task();
    if (!task) return std::nullopt;
    return capture(task.state(), options);
}

} // namespace aio
