#pragma once
/// CallMarks: what a pool and one worker both see of the calls that are on their way to that worker.
///
/// A call that has been sent lies in a pipe, and from there nobody can tell whether it has begun, nor take it
/// back. So each call that a worker is sent has a place in memory that both of them map. The pool offers the
/// call there before it sends it; the worker marks it as begun just before it begins; and the pool, as long
/// as that has not happened, can withdraw it: the worker then passes over it. Each of these is one atomic
/// step, and whichever of the last two comes first holds. When a worker dies, the mark tells whether its
/// call had begun: it cannot be withdrawn then.
///
/// Calls are numbered in the order in which they are sent, and take their places in turn. Nothing here waits.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <aio/uv/descriptor.hpp>
#include <aio/workers/slab.hpp>

namespace aio::detail {

class CallMarks {
public:
    /// A place is used again after that many calls: by then, the call that had it must have been answered or
    /// withdrawn.
    static constexpr std::uint64_t places = 16;

    /// The pool's side. Throws `std::system_error`.
    CallMarks();
    /// The worker's side, of the memory that the pool has sent. Throws `std::system_error`, and `DecodeError`
    /// when it is not what it should be.
    explicit CallMarks(uv::Descriptor memory);

    // The pool.
    /// For the worker; it is not needed here any more.
    [[nodiscard]] uv::Descriptor take_descriptor() noexcept { return slab_->take_descriptor(); }
    /// Says that `call` is about to be sent.
    void offer(std::uint64_t number, std::uint64_t call) noexcept;
    /// Takes it back. False if it has begun; as well if a task has overwritten the mark, because one that may
    /// have begun is not to be repeated; and in a forked copy of the pool's process, which has no workers.
    /// From any thread.
    [[nodiscard]] bool withdraw(std::uint64_t number, std::uint64_t call) noexcept;

    // The worker.
    /// Says that it begins. False if it has been withdrawn: it must not begin. Throws `ProtocolError` if
    /// the mark is none of the pool's.
    [[nodiscard]] bool begin(std::uint64_t number, std::uint64_t call);

private:
    using Mark = std::atomic<std::uint64_t>;
    static_assert(Mark::is_always_lock_free);

    [[nodiscard]] Mark& mark_of(std::uint64_t number) const noexcept;

    std::unique_ptr<Slab> slab_;
};

} // namespace aio::detail
