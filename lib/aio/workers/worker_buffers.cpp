#include <aio/workers/worker_buffers.hpp>

#include <exception>
#include <new>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <aio/workers/codec_error.hpp>
#include <aio/workers/frame.hpp>

namespace aio::detail {

namespace {

/// A worker that waits for a call empties its socket at once, so this only bridges a busy processor.
constexpr int idle_worker_patience = 1000;

[[noreturn]] void refuse(const char* what) {
    throw ProtocolError(std::string("a worker process ") + what + " shared memory that it does not have");
}

} // namespace

WorkerBuffers::WorkerBuffers(std::uint64_t worker, uv::Descriptor socket)
    : worker_(worker), socket_(std::move(socket)) {
    SlabArena::instance().add_holder(worker_, *this);
}

bool WorkerBuffers::offer(const BufferList& call) {
    if (call.slabs().empty()) return true;
    const std::lock_guard lock(mutex_);
    std::vector<BufferNote> notes = std::exchange(unsent_, {});
    for (const SlabRef& lease : call.slabs()) {
        const Slab& slab = lease->slab();
        if (known_.insert(slab.id()).second)
            notes.emplace_back(BufferNoteKind::memory, slab.id(), slab.capacity(), slab.descriptor());
    }
    std::span<const BufferNote> rest = notes;
    try {
        while (!rest.empty()) rest = rest.subspan(socket_.send(rest, idle_worker_patience));
    } catch (const std::system_error& error) {
        for (const BufferNote& note : rest) {
            if (note.kind == BufferNoteKind::memory)
                known_.erase(note.id);
            else
                unsent_.push_back(note);
        }
        if (error.code() == std::errc::broken_pipe || error.code() == std::errc::connection_reset)
            return false;
        throw;
    }
    return true;
}

void WorkerBuffers::receive(BufferList& answer, std::uint64_t notes) {
    if (notes > received_.size()) static_cast<void>(socket_.receive(received_));
    if (notes > received_.size())
        throw ProtocolError("a worker process has sent fewer notes about shared memory than it says");
    const auto count = static_cast<std::ptrdiff_t>(notes);
    for (std::ptrdiff_t i = 0; i < count; ++i) take(received_[static_cast<std::size_t>(i)], answer);
    received_.erase(received_.begin(), received_.begin() + count);
    add_held(answer);
}

void WorkerBuffers::take(ReceivedNote& received, BufferList& call) {
    const std::uint64_t id = received.note.id;
    switch (received.note.kind) {
    case BufferNoteKind::memory: take_memory(received, call); return;
    case BufferNoteKind::give: take_back(id, call); return;
    case BufferNoteKind::hold: {
        SlabRef lease = call.find(id);
        if (!lease) refuse("keeps");
        held_.emplace(id, std::move(lease));
        return;
    }
    case BufferNoteKind::release: {
        // The result may still refer to it.
        const auto held = held_.extract(id);
        if (held.empty()) refuse("lets go of");
        call.add(held.mapped());
        return;
    }
    case BufferNoteKind::missing: {
        const std::lock_guard lock(mutex_);
        known_.erase(id);
        return;
    }
    default: throw ProtocolError("a worker sent a note that only a pool may send");
    }
}

void WorkerBuffers::take_memory(ReceivedNote& received, BufferList& call) {
    const std::uint64_t id = received.note.id;
    if (SlabArena::maker_of(id) != worker_) refuse("sends");
    {
        const std::lock_guard lock(mutex_);
        if (!known_.insert(id).second) refuse("sends once more");
    }
    try {
        if (!received.memory.valid())
            throw std::system_error(std::make_error_code(std::errc::too_many_files_open),
                                    "cannot take in shared memory from a worker process");
        call.add(
            std::make_shared<SlabLease>(Slab::map(id, received.note.capacity, std::move(received.memory))));
    } catch (const std::exception&) {
        // Fails the call whose result refers to it. The worker need not keep it for us.
        call.add_missing(id, std::current_exception());
        forget(id);
    }
}

void WorkerBuffers::take_back(std::uint64_t id, BufferList& call) {
    std::unique_ptr<Slab> slab;
    {
        const std::lock_guard lock(mutex_);
        const auto lent = lent_.find(id);
        if (lent == lent_.end()) refuse("gives back");
        slab = std::move(lent->second);
        lent_.erase(lent);
    }
    SlabArena::instance().count_returned(slab->capacity());
    call.add(std::make_shared<SlabLease>(std::move(slab)));
}

bool WorkerBuffers::lend(std::unique_ptr<Slab>& slab) noexcept {
    const std::lock_guard lock(mutex_);
    const std::uint64_t id = slab->id();
    if (closed_ || !known_.contains(id)) return false;
    try {
        unsent_.emplace_back(BufferNoteKind::lend, id);
        lent_.emplace(id, nullptr).first->second = std::move(slab);
    } catch (const std::bad_alloc&) {
        if (!unsent_.empty() && unsent_.back().id == id) unsent_.pop_back();
        return false;
    }
    flush();
    return true;
}

void WorkerBuffers::forget(std::uint64_t id) noexcept {
    const std::lock_guard lock(mutex_);
    if (known_.erase(id) == 0) return;
    try {
        unsent_.emplace_back(BufferNoteKind::forget, id);
    } catch (const std::bad_alloc&) {
        // The worker keeps a mapping of memory that nobody uses.
        return;
    }
    flush();
}

void WorkerBuffers::flush() noexcept {
    std::span<const BufferNote> rest = unsent_;
    try {
        while (!rest.empty()) rest = rest.subspan(socket_.send(rest, 0));
    } catch (const std::exception&) {
        // A worker that is busy; these go along with its next call. Or it is gone.
    }
    unsent_.erase(unsent_.begin(), unsent_.end() - static_cast<std::ptrdiff_t>(rest.size()));
}

void WorkerBuffers::close(const BufferList& call) noexcept {
    if (closed_) return;
    SlabArena& arena = SlabArena::instance();
    arena.remove_holder(worker_);
    closed_ = true;
    socket_.close();
    received_.clear();
    if (!ended_) {
        for (const SlabRef& lease : call.slabs()) lease->slab().retire();
        for (const auto& [id, lease] : held_) lease->slab().retire();
        for (const auto& [id, slab] : lent_) slab->retire();
    }
    held_.clear();
    for (auto& [id, slab] : lent_) {
        arena.count_returned(slab->capacity());
        arena.recycle(std::move(slab));
    }
    lent_.clear();
}

} // namespace aio::detail
