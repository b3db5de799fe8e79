#pragma once

/// Walks along "awaited by" or "awaits", through tasks and futures, without recursion: chains of awaits may
/// be longer than the machine's stack, may part and meet again, and may be closed to a circle.

#include <cstddef>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <aio/core/future_state.hpp>
#include <aio/debug/call_graph.hpp>

namespace aio::detail {

/// Who waits for `future`, each once: tasks, and futures that are not done.
[[nodiscard]] std::vector<FutureState*> waiters_of(FutureState& future);

/// A walk from one future to its neighbours, then theirs, deep before wide. Nothing may change meanwhile.
class AwaitWalk {
public:
    using Neighbours = std::function<std::vector<FutureState*>(FutureState&)>;
    static constexpr std::size_t no_step = static_cast<std::size_t>(-1);

    /// A visit of a future. Only what is `whole` is followed further.
    struct Step {
        FutureState* future;
        /// The step from whose future this one is a neighbour; `no_step` for a beginning.
        std::size_t parent;
        std::size_t depth;
        CallGraphMark mark;
    };

    explicit AwaitWalk(Neighbours neighbours) : neighbours_(std::move(neighbours)) {}

    [[nodiscard]] bool has_seen(FutureState& future) const { return places_.contains(&future); }
    /// Visits `start`, which must be new, and all that is new from there.
    void walk_from(FutureState& start);
    /// All visits so far, in order.
    [[nodiscard]] const std::vector<Step>& steps() const noexcept { return steps_; }
    /// Circles among them, each in the order of the walk; at least one for every set of futures that hang
    /// together in circles.
    [[nodiscard]] std::vector<std::vector<FutureState*>> cycles() const;

private:
    enum class Place { on_path, left };
    struct Level {
        std::size_t step;
        std::vector<FutureState*> neighbours;
        std::size_t next;
    };
    void visit(FutureState& future, std::size_t parent, std::size_t depth);

    Neighbours neighbours_;
    std::vector<Step> steps_;
    std::vector<Level> path_;
    std::unordered_map<FutureState*, Place> places_;
};

/// What is shown of a step: only a `whole` one has a call stack.
[[nodiscard]] FutureSnapshot take_step_snapshot(const AwaitWalk::Step& step, const CallGraphOptions& options);

} // namespace aio::detail
