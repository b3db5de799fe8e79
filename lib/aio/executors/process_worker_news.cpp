// What comes from a worker while its call runs, and the credit for it.

#include <aio/executors/process_worker.hpp>

#include <exception>
#include <new>

#include <aio/workers/codec.hpp>
#include <aio/workers/large_payload.hpp>

namespace aio::detail {

void ProcessWorker::take_item(const FrameView& frame) {
    RemoteForm* const form = busy() ? entry_.call->remote_form() : nullptr;
    StreamForm* const stream = form == nullptr ? nullptr : form->stream_form();
    if (stream == nullptr || frame.task_id() != entry_.id)
        throw ProtocolError("a worker sent an item that nobody has asked for");
    const auto trailer = frame.trailer<ItemTrailer>();
    // An item has a list of its own: memory must not be kept for as long as the call takes. It may also refer
    // to what the call was given.
    BufferList buffers;
    for (const SlabRef& slab : entry_.buffers.slabs()) buffers.add(slab);
    buffers_.receive(buffers, trailer.notes);
    if (!stream->wants_items()) return;
    try {
        const FrameView item = frame.without_trailer(sizeof trailer);
        const ReceivedPayload payload(item, buffers);
        stream->take_item(payload.bytes(), buffers, trailer.bytes);
    } catch (...) {
        stream->fail_stream(std::current_exception());
    }
}

void ProcessWorker::take_progress(const FrameView& frame) {
    if (!busy() || frame.task_id() != entry_.id)
        throw ProtocolError("a worker reported on a call that it does not have");
    progress_ = decode_all<Progress>(frame.payload());
    owner_.call_progressed(*this);
}

void ProcessWorker::give_credit(std::uint64_t items, std::uint64_t bytes) noexcept {
    credit_.items += items;
    credit_.bytes += bytes;
    // Not into the middle of the call's own frame, whose last part can be overtaken by the first items.
    if (!sending_) send_credit();
}

void ProcessWorker::send_credit() noexcept {
    if (credit_.items == 0 || !busy() || lost_) return;
    try {
        ByteWriter out;
        const std::size_t start = begin_frame(out);
        encode(out, credit_);
        finish_frame(out, start, FrameType::credit, entry_.id);
        send_bytes(out.bytes());
        credit_ = StreamCredit();
    } catch (const std::bad_alloc&) {
        // With the next one.
    }
}

} // namespace aio::detail
