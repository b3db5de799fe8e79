#include <aio/debug/async_tree.hpp>

#include <unordered_map>
#include <unordered_set>

#include <aio/debug/await_walk_private.hpp>
#include <aio/debug/tree_text_private.hpp>

namespace aio {
namespace {

/// Who waits for whom among the tasks of a loop and the futures between them. What futures and tasks keep is
/// who waits for them; the tree needs it the other way round.
class AwaitMap {
public:
    explicit AwaitMap(const detail::LoopState& loop) {
        loop.tasks.for_each([&](detail::TaskState& task) { add(task.future()); });
        // Futures are found while this goes on.
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            detail::FutureState* const node = nodes_[i];
            const std::vector<detail::FutureState*> waiters = detail::waiters_of(*node);
            if (waiters.empty()) roots_.push_back(node);
            for (detail::FutureState* const waiter : waiters) {
                add(*waiter);
                awaits_[waiter].push_back(node);
            }
        }
    }

    /// Those that nobody waits for.
    [[nodiscard]] const std::vector<detail::FutureState*>& roots() const noexcept { return roots_; }
    [[nodiscard]] const std::vector<detail::FutureState*>& nodes() const noexcept { return nodes_; }
    [[nodiscard]] std::vector<detail::FutureState*> awaited_by(detail::FutureState& node) const {
        const auto found = awaits_.find(&node);
        return found == awaits_.end() ? std::vector<detail::FutureState*>() : found->second;
    }

private:
    void add(detail::FutureState& node) {
        if (known_.insert(&node).second) nodes_.push_back(&node);
    }
    std::vector<detail::FutureState*> nodes_;
    std::vector<detail::FutureState*> roots_;
    std::unordered_set<detail::FutureState*> known_;
    std::unordered_map<detail::FutureState*, std::vector<detail::FutureState*>> awaits_;
};

} // namespace

AsyncTree async_tree(const EventLoop& loop, const CallGraphOptions& options) {
    const AwaitMap map(loop.state());
    detail::AwaitWalk walk([&](detail::FutureState& node) { return map.awaited_by(node); });
    for (detail::FutureState* const root : map.roots()) walk.walk_from(*root);
    for (detail::FutureState* const node : map.nodes())
        if (!walk.has_seen(*node)) walk.walk_from(*node);

    AsyncTree tree;
    tree.entries.reserve(walk.steps().size());
    for (const detail::AwaitWalk::Step& step : walk.steps())
        tree.entries.emplace_back(detail::take_step_snapshot(step, options), step.depth, step.mark);
    for (const std::vector<detail::FutureState*>& members : walk.cycles()) {
        std::vector<std::string>& cycle = tree.cycles.emplace_back();
        for (detail::FutureState* const member : members)
            cycle.push_back(detail::take_snapshot(*member, 0).label());
    }
    return tree;
}

AsyncTree async_tree(const CallGraphOptions& options) { return async_tree(get_running_loop(), options); }

std::string format_async_tree(const AsyncTree& tree) {
    std::string text;
    for (const std::vector<std::string>& cycle : tree.cycles) {
        text += "These wait for each other: ";
        for (const std::string& member : cycle) text.append(member).append(" -> ");
        text.append(cycle.front()).append("\n");
    }
    for (const AsyncTreeEntry& entry : tree.entries) {
        const std::string begin = detail::indentation(entry.depth, 2);
        text.append(begin);
        if (entry.depth > 0) text.append("+- ");
        text.append(detail::describe_marked(entry, entry.mark)).append("\n");
        for (const FrameCallGraphEntry& frame : entry.call_stack)
            text.append(begin).append("  |  ").append(describe(frame)).append("\n");
    }
    return text;
}

} // namespace aio
