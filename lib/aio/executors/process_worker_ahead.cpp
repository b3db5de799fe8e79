// What a worker is given while it has a call.

#include <aio/executors/process_worker.hpp>

#include <new>
#include <utility>

namespace aio::detail {
namespace {

/// So many calls share the price of one write and one read. They are topped up when half are left.
constexpr std::size_t most_ahead = 8;
static_assert(most_ahead < CallMarks::places);

} // namespace

bool ProcessWorker::can_take_ahead() const noexcept {
    // What a call writes must be taken out of the files before the next one begins.
    return busy() && ready_ && !sending_ && !lost_ && !finishing_ && !doomed_ && !entry_.plan &&
           stopping_ == StopReason::none && !output_.valid() && ahead_.size() < most_ahead &&
           next_number_ < first_unanswered_ + CallMarks::places &&
           (quota_ == 0 || answered_ + 1 + ahead_.size() < quota_);
}

bool ProcessWorker::wants_ahead() const noexcept {
    return ahead_.size() <= most_ahead / 2 && can_take_ahead();
}

bool ProcessWorker::put_ahead(PoolEntry& entry) {
    if (!entry.can_be_ahead()) return false;
    unsent_.reserve(most_ahead * PoolEntry::most_ahead_bytes);
    marks_->offer(next_number_, entry.id);
    // One that was begun before counts as running, and stays so.
    if (!entry.call->state().change_while_pending(
            [&] { entry.call->remote_form()->wait_at(marks_, next_number_); }))
        return false;
    entry.number = next_number_++;
    unsent_.append(entry.frame.bytes());
    ahead_.push_back(std::move(entry));
    return true;
}

void ProcessWorker::send_ahead() noexcept {
    if (unsent_.size() == 0) return;
    try {
        const int written = tasks_.try_write(unsent_.bytes());
        // A worker that is gone is noticed by its exit.
        if (written >= 0 && static_cast<std::size_t>(written) < unsent_.size())
            static_cast<void>(tasks_.queue(unsent_.bytes().subspan(static_cast<std::size_t>(written))));
        unsent_.clear();
    } catch (const std::bad_alloc&) {
        lose("there was no memory to send it its calls");
    }
}

std::optional<PoolEntry> ProcessWorker::withdraw_last() noexcept {
    if (ahead_.empty()) return std::nullopt;
    PoolEntry& last = ahead_.back();
    if (!marks_->withdraw(last.number, last.id)) return std::nullopt;
    static_cast<void>(
        last.call->state().change_while_pending([&] { last.call->remote_form()->wait_at(nullptr, 0); }));
    PoolEntry entry = std::move(last);
    ahead_.pop_back();
    return entry;
}

void ProcessWorker::end_call(const FrameView& frame) noexcept {
    first_unanswered_ = entry_.number + 1;
    PoolEntry ended = std::exchange(entry_, PoolEntry());
    const StopReason stopped = std::exchange(stopping_, StopReason::none);
    begin_next();
    owner_.call_ended(*this, std::move(ended), stopped, frame);
}

/// What it has been given ahead, it goes on to by itself.
void ProcessWorker::begin_next() noexcept {
    while (!busy() && !ahead_.empty()) {
        PoolEntry next = std::move(ahead_.front());
        ahead_.pop_front();
        // If it was cancelled, or has been given a result by hand, it is passed over; but not if the worker
        // was faster.
        if (next.call->state().begin() || !marks_->withdraw(next.number, next.id))
            begin_entry(std::move(next));
    }
}

} // namespace aio::detail
