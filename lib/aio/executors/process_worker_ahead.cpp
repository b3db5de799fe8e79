// What a worker is given while it has a call.

#include <aio/executors/process_worker.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace aio::detail {
namespace {

/// So many calls share the price of one write and one read. They are topped up when half are left.
constexpr std::size_t most_ahead = 8;
static_assert(most_ahead < CallMarks::places);

/// With calls that take longer, what there is to be saved is not worth the unrest.
constexpr auto short_call = std::chrono::milliseconds(2);
/// Calls do not wait for longer in a worker when there are others.
constexpr auto most_patience = std::chrono::milliseconds(10);

} // namespace

bool ProcessWorker::can_take_ahead() const noexcept {
    // What a call writes must be taken out of the files before the next one begins.
    return quick_ && busy() && ready_ && !sending_ && !lost_ && !finishing_ && !doomed_ && !entry_.plan &&
           stopping_ == StopReason::none && !output_.valid() && ahead_.size() < most_ahead &&
           next_number_ < first_unanswered_ + CallMarks::places &&
           (quota_ == 0 || answered_ + 1 + ahead_.size() < quota_);
}

bool ProcessWorker::wants_ahead(TimePoint now) const noexcept {
    return ahead_.size() <= most_ahead / 2 && can_take_ahead() && now - heard_at_ <= most_patience;
}

bool ProcessWorker::put_ahead(PoolEntry& entry) {
    if (!entry.can_be_ahead()) return false;
    // All that can fail comes first.
    unsent_.reserve(most_ahead * PoolEntry::most_ahead_bytes);
    ahead_.emplace_back();
    marks_->offer(next_number_, entry.id);
    // One that was begun before counts as running, and stays so.
    if (!entry.call->state().change_while_pending(
            [&] { entry.call->remote_form()->wait_at(marks_, next_number_); })) {
        ahead_.pop_back();
        return false;
    }
    entry.number = next_number_++;
    unsent_.append(entry.frame.bytes());
    ahead_.back() = std::move(entry);
    return true;
}

void ProcessWorker::send_ahead() noexcept {
    if (unsent_.size() == 0) return;
    send_bytes(unsent_.bytes());
    unsent_.clear();
}

bool ProcessWorker::stop_in_its_turn(std::uint64_t call) noexcept {
    const auto found = std::ranges::find(ahead_, call, &PoolEntry::id);
    if (found == ahead_.end()) return false;
    found->stop_wanted = true;
    return true;
}

void ProcessWorker::note_heard(TimePoint now) noexcept {
    if (std::exchange(heard_, answered_) == answered_) return;
    quick_ = now - std::exchange(heard_at_, now) <= short_call;
}

bool ProcessWorker::holds_up(TimePoint now) noexcept {
    if (ahead_.empty() || (quick_ && now - heard_at_ <= most_patience)) return false;
    quick_ = false;
    return true;
}

std::optional<PoolEntry> ProcessWorker::withdraw_last() noexcept {
    if (ahead_.empty()) return std::nullopt;
    PoolEntry& last = ahead_.back();
    if (!marks_->withdraw(last.number, last.id)) return std::nullopt;
    last.leave_marks();
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
        const bool goes_on = next.call->state().begin() || !marks_->withdraw(next.number, next.id);
        next.leave_marks();
        if (goes_on) begin_entry(std::move(next));
    }
}

} // namespace aio::detail
