#include <aio/debug/await_walk_private.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <aio/core/task_state.hpp>

namespace aio::detail {

std::vector<FutureState*> waiters_of(FutureState& future) {
    std::vector<FutureState*> waiters;
    future.for_each_callback([&](const FutureCallback& callback) { callback.list_waiters(waiters); });
    std::unordered_set<FutureState*> seen;
    std::erase_if(waiters,
                  [&](FutureState* waiter) { return waiter->done() || !seen.insert(waiter).second; });
    return waiters;
}

void AwaitWalk::walk_from(FutureState& start) {
    visit(start, no_step, 0);
    while (!path_.empty()) {
        Level& level = path_.back();
        if (level.next == level.neighbours.size()) {
            places_[steps_[level.step].future] = Place::left;
            path_.pop_back();
            continue;
        }
        FutureState& neighbour = *level.neighbours[level.next++];
        visit(neighbour, level.step, steps_[level.step].depth + 1);
    }
}

void AwaitWalk::visit(FutureState& future, std::size_t parent, std::size_t depth) {
    const auto [place, is_new] = places_.try_emplace(&future, Place::on_path);
    CallGraphMark mark = CallGraphMark::whole;
    if (!is_new) mark = place->second == Place::on_path ? CallGraphMark::cycle : CallGraphMark::seen_before;
    steps_.push_back(Step{&future, parent, depth, mark});
    if (is_new) path_.push_back(Level{steps_.size() - 1, neighbours_(future), 0});
}

std::vector<std::vector<FutureState*>> AwaitWalk::cycles() const {
    std::vector<std::vector<FutureState*>> cycles;
    // A circle that shares a member with an earlier one is not told: there may be very many of them, and the
    // work stays in proportion to the number of steps.
    std::unordered_set<FutureState*> told;
    for (const Step& step : steps_) {
        if (step.mark != CallGraphMark::cycle) continue;
        std::vector<FutureState*> members;
        bool shares = false;
        for (std::size_t at = step.parent;; at = steps_[at].parent) {
            FutureState* const member = steps_[at].future;
            if (!told.insert(member).second) {
                shares = true;
                break;
            }
            members.push_back(member);
            if (member == step.future) break;
        }
        if (shares) continue;
        std::reverse(members.begin(), members.end());
        cycles.push_back(std::move(members));
    }
    return cycles;
}

FutureSnapshot take_step_snapshot(const AwaitWalk::Step& step, const CallGraphOptions& options) {
    FutureState& future = *step.future;
    if (step.mark != CallGraphMark::whole) return take_snapshot(future, 0);
    const TaskState* const task = future.as_task();
    const bool is_current = task != nullptr && future.loop().current_task == task;
    return take_snapshot(future, options.limit(), is_current ? options.depth() : 0);
}

} // namespace aio::detail
