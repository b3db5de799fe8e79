#include <aio/executors/process_entry.hpp>

#include <aio/workers/codec.hpp>
#include <aio/workers/frame.hpp>

namespace aio::detail {

void PoolEntry::begin(std::uint64_t call_id, std::unique_ptr<CallPlan> call_plan) {
    id = call_id;
    plan = std::move(call_plan);
    if (!plan || !plan->has_orders()) return;
    const std::size_t start = begin_frame(frame);
    encode(frame, plan->orders());
    finish_frame(frame, start, FrameType::orders, id);
    call_start = frame.size();
}

void PoolEntry::renew_orders() {
    ByteWriter orders;
    encode(orders, plan->orders());
    frame.overwrite(sizeof(FrameHeader), orders.bytes());
}

void PoolEntry::leave_marks() noexcept {
    const auto leave = [this] { call->remote_form()->wait_at(nullptr, 0); };
    // Once it is not pending nobody else looks at that.
    if (!call->state().change_while_pending(leave)) leave();
}

} // namespace aio::detail
