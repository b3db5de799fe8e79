#include <aio/workers/pool_buffers_posix.hpp>

#include <aio/workers/codec_error.hpp>
#include <aio/workers/slab_arena.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <system_error>
#include <utility>

namespace aio::detail {

PoolBuffers::PoolBuffers(std::uint64_t worker, uv::Descriptor socket)
    : worker_(worker), socket_(uv::Descriptor(socket.release())), open_(socket_.descriptor() >= 0) {
    SlabArena::instance().become_worker(worker);
}

void PoolBuffers::wait_for(int tasks) {
    // As long as there is nothing that the pool could want back, reading from the pipe is all the waiting.
    while (open_ && !known_.empty()) {
        std::array<pollfd, 2> polled{{{tasks, POLLIN, 0}, {socket_.descriptor(), POLLIN, 0}}};
        if (::poll(polled.data(), polled.size(), -1) < 0) {
            if (errno == EINTR) continue;
            return;
        }
        if (polled[1].revents != 0) take_in();
        if (polled[0].revents != 0) return;
    }
}

void PoolBuffers::take_in() {
    std::vector<ReceivedNote> notes;
    open_ = open_ && socket_.receive(notes);
    for (ReceivedNote& received : notes) {
        switch (received.note.kind) {
        case BufferNoteKind::memory: take_memory(received); break;
        case BufferNoteKind::lend: take_as_own(received.note.id); break;
        case BufferNoteKind::forget:
            held_.erase(received.note.id);
            known_.erase(received.note.id);
            break;
        default: break;
        }
    }
}

void PoolBuffers::take_memory(ReceivedNote& received) {
    const std::uint64_t id = received.note.id;
    try {
        if (!received.memory.valid())
            throw std::system_error(std::make_error_code(std::errc::too_many_files_open),
                                    "cannot take in shared memory in a worker process");
        auto slab = Slab::map(id, received.note.capacity, std::move(received.memory));
        slab->close_descriptor();
        slab->belongs_to_pool = true;
        slab->known_to_pool = true;
        known_.insert_or_assign(id, std::make_shared<SlabLease>(std::move(slab)));
    } catch (const std::exception&) {
        missing_.insert_or_assign(id, std::current_exception());
    }
}

void PoolBuffers::take_as_own(std::uint64_t id) {
    const auto known = known_.extract(id);
    if (known.empty()) return;
    held_.erase(id);
    known.mapped()->slab().belongs_to_pool = false;
    // The last reference, with which it goes to the arena of this process.
}

bool PoolBuffers::attach(const SlabRef& lease) {
    const Slab& slab = lease->slab();
    if (slab.belongs_to_pool) return known_.contains(slab.id());
    if (!open_ || SlabArena::maker_of(slab.id()) != worker_) return false;
    if (std::find(attached_.begin(), attached_.end(), lease) == attached_.end()) attached_.push_back(lease);
    return true;
}

SlabRef PoolBuffers::resolve(std::uint64_t id) {
    auto known = known_.find(id);
    if (known == known_.end()) {
        // What a call refers to has been sent before the call.
        take_in();
        known = known_.find(id);
    }
    if (known != known_.end()) return known->second;
    if (const auto missing = missing_.find(id); missing != missing_.end())
        std::rethrow_exception(missing->second);
    throw DecodeError("the call refers to shared memory that the pool has not sent");
}

std::size_t PoolBuffers::attached_bytes() const noexcept {
    std::size_t bytes = 0;
    for (const SlabRef& lease : attached_) bytes += lease->slab().capacity();
    return bytes;
}

void PoolBuffers::hand_over(int patience) {
    std::vector<BufferNote> notes;
    for (const SlabRef& lease : attached_) {
        const Slab& slab = lease->slab();
        notes.emplace_back(slab.known_to_pool ? BufferNoteKind::give : BufferNoteKind::memory, slab.id(),
                           slab.capacity(), slab.descriptor());
    }
    known_.reserve(known_.size() + attached_.size());
    for (std::size_t done = 0; done < attached_.size();) {
        const std::size_t sent = socket_.send(std::span(notes).subspan(done), patience);
        note_count_ += sent;
        for (const std::size_t end = done + sent; done < end; ++done) {
            const SlabRef& lease = attached_[done];
            Slab& slab = lease->slab();
            slab.close_descriptor();
            slab.belongs_to_pool = true;
            slab.known_to_pool = true;
            known_.insert_or_assign(slab.id(), lease);
        }
    }
    attached_.clear();
}

void PoolBuffers::report(int patience) {
    std::vector<BufferNote> notes;
    for (const auto& [id, lease] : known_) {
        const bool held = lease.use_count() > 1;
        if (held && held_.insert(id).second) notes.emplace_back(BufferNoteKind::hold, id);
        if (!held && held_.erase(id) != 0) notes.emplace_back(BufferNoteKind::release, id);
    }
    for (const auto& [id, reason] : missing_) notes.emplace_back(BufferNoteKind::missing, id);
    missing_.clear();
    std::span<const BufferNote> rest = notes;
    while (!rest.empty()) {
        const std::size_t sent = socket_.send(rest, patience);
        rest = rest.subspan(sent);
        note_count_ += sent;
    }
}

} // namespace aio::detail
