#pragma once
/// PoolBuffers: what a worker knows about the memory that it shares with its pool. The other end of
/// `WorkerBuffers`.

#include <cstdint>
#include <exception>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <aio/uv/descriptor.hpp>
#include <aio/workers/buffer_link.hpp>
#include <aio/workers/buffer_socket.hpp>
#include <aio/workers/slab.hpp>

namespace aio::detail {

/// One per worker process, in its only thread.
class PoolBuffers final : public BufferLink {
public:
    /// `worker` is the number that the pool has given this process.
    PoolBuffers(std::uint64_t worker, uv::Descriptor socket);

    /// Waits until there is something to read from the pipe `tasks`. Meanwhile does what the pool says about
    /// buffers, so that a worker without work does not keep memory that nobody needs.
    void wait_for(int tasks);

    /// Does what the pool has said so far. Calls find what they refer to without that, as they go.
    void take_in();

    [[nodiscard]] bool attach(const SlabRef& slab) override;
    [[nodiscard]] SlabRef resolve(std::uint64_t id) override;

    /// Forgets what has been attached: the result it belongs to is not sent.
    void discard() noexcept { attached_.clear(); }
    /// Makes what has been attached the pool's, before the result that refers to it is sent. Throws
    /// `std::system_error`. Waits up to `patience` milliseconds for room in the socket.
    void hand_over(int patience = 0);
    /// To be called when nothing of the call is left but its answer: tells the pool which of its buffers the
    /// program has kept handles on. Throws `std::system_error`, after which the worker must end.
    void report(int patience = 0);
    /// Whether there may be notes to send, or some have been sent that were not counted yet.
    [[nodiscard]] bool has_notes() const noexcept {
        return !known_.empty() || !attached_.empty() || !missing_.empty() || note_count_ != 0;
    }
    /// How many notes have been sent since this was asked last.
    [[nodiscard]] std::uint64_t take_note_count() noexcept { return std::exchange(note_count_, 0); }

    // For calls that emit items.
    /// Whether there is memory that the pool may have something to say about.
    [[nodiscard]] bool shares_memory() const noexcept { return open_ && !known_.empty(); }
    /// How much memory has been attached.
    [[nodiscard]] std::size_t attached_bytes() const noexcept;

private:
    void take_memory(ReceivedNote& received);
    void take_as_own(std::uint64_t id);

    const std::uint64_t worker_;
    BufferSocket socket_;
    bool open_;
    /// Mapped here, and the pool's.
    std::unordered_map<std::uint64_t, SlabRef> known_;
    std::unordered_set<std::uint64_t> held_;
    std::unordered_map<std::uint64_t, std::exception_ptr> missing_;
    std::vector<SlabRef> attached_;
    std::uint64_t note_count_ = 0;
};

} // namespace aio::detail
