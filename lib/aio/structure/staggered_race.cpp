#include <aio/structure/staggered_race.hpp>

namespace aio::detail {

void cancel_losers(const std::vector<Task<>>& attempts) {
    const AnyTask winner = get_running_loop().current_task();
    // One that is cleaning up already, because the race was cancelled, is left to it.
    for (Task<> attempt : attempts)
        if (!(attempt == winner) && attempt.cancelling() == 0) attempt.cancel();
}

void cancel_later(const CancelledError& error) {
    TaskState& task = get_running_loop().current_task().task();
    task.raise_again(task.ledger(), error.message());
}

} // namespace aio::detail
