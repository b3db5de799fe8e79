#pragma once
/// WorkerBuffers: what a pool knows about the shared memory that one of its workers has.
///
/// A slab is sent to a worker once, and stays mapped there until the pool lets go of it. One that the worker
/// has made for a result is the pool's from then on; when nobody uses it any more it is lent back to its
/// maker, which has it mapped and its pages at hand, for the next result.

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <aio/workers/buffer_list.hpp>
#include <aio/workers/buffer_socket.hpp>
#include <aio/workers/slab_arena.hpp>

namespace aio::detail {

/// On the loop's thread, but for what the arena calls.
class WorkerBuffers final : private SlabHolder {
public:
    /// `worker` is its number (see `SlabArena::new_process_number`).
    WorkerBuffers(std::uint64_t worker, uv::Descriptor socket);
    ~WorkerBuffers() { close(BufferList()); }

    /// Sends what the call refers to and the worker does not have yet. False when the worker is gone. Throws
    /// `std::system_error` when the memory cannot be sent; the call must not be handed over then.
    [[nodiscard]] bool offer(const BufferList& call);
    /// Takes in what the worker has said with an answer, or an item, that came with so many notes: there may
    /// be more in the socket, which belong to those that follow. Adds to the list what that answer may refer
    /// to; what its call refers to must be there already. Throws `ProtocolError`.
    void receive(BufferList& answer, std::uint64_t notes);
    /// The same for an answer without any notes: it may refer to what the worker has kept from earlier calls.
    void add_held(BufferList& call) const {
        for (const auto& [id, lease] : held_) call.add(lease);
    }

    /// The process has ended and touches nothing any more.
    void worker_has_ended() noexcept { ended_ = true; }
    /// Lets go of everything. What the worker may be writing to, and the memory of the call that it runs is
    /// part of that, is not used for anything else afterwards unless the worker has ended.
    void close(const BufferList& call) noexcept;

private:
    bool lend(std::unique_ptr<Slab>& slab) noexcept override;
    void forget(std::uint64_t id) noexcept override;

    void take(ReceivedNote& received, BufferList& call);
    void take_memory(ReceivedNote& received, BufferList& call);
    void take_back(std::uint64_t id, BufferList& call);
    void flush() noexcept;

    const std::uint64_t worker_;
    BufferSocket socket_;
    /// Read ahead of the frames that they belong to.
    std::vector<ReceivedNote> received_;
    /// Handles on these are left in the worker though no call of it is under way.
    std::unordered_map<std::uint64_t, SlabRef> held_;
    bool ended_ = false;
    bool closed_ = false;

    /// Guards what the arena changes from other threads. The arena is never called under it.
    std::mutex mutex_;
    std::unordered_set<std::uint64_t> known_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Slab>> lent_;
    std::vector<BufferNote> unsent_;
};

} // namespace aio::detail
