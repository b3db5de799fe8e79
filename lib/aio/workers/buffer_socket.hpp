#pragma once
/// BufferSocket: the socket by which a pool and one worker send each other memory, and say what becomes of
/// it. It carries no data: those lie in the memory, and the calls go through the worker's pipes.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include <aio/uv/descriptor.hpp>

namespace aio::detail {

enum class BufferNoteKind : std::uint32_t {
    memory = 1, ///< either way: a slab; its descriptor is attached
    forget,     ///< to the worker: unmap it
    lend,       ///< to the worker: use it as your own
    give,       ///< to the pool: one that was lent holds a result now, and is yours again
    hold,       ///< to the pool: the program still has a handle on it, though the call has ended
    release,    ///< to the pool: no longer
    missing,    ///< to the pool: could not be taken in; send it anew if need be
};

/// One sentence about one slab.
class BufferNote {
public:
    BufferNote(BufferNoteKind note_kind, std::uint64_t slab_id, std::size_t slab_capacity = 0,
               int slab_memory = -1) noexcept
        : kind(note_kind), id(slab_id), capacity(slab_capacity), memory(slab_memory) {}

    BufferNoteKind kind;
    std::uint64_t id;
    std::size_t capacity;
    int memory; ///< borrowed; only `memory` has one
};

/// A note as it arrived. A `memory` note is without its descriptor when this process had no room for it.
class ReceivedNote {
public:
    ReceivedNote(BufferNote received, uv::Descriptor attached) noexcept
        : note(received), memory(std::move(attached)) {}

    BufferNote note;
    uv::Descriptor memory;
};

/// One end. Neither call waits, except as said. Not thread-safe, but sending and receiving may be in
/// different threads.
class BufferSocket {
public:
    /// None, or one of a pair of stream sockets.
    explicit BufferSocket(uv::Descriptor socket) noexcept : socket_(std::move(socket)) {}

    [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
    void close() noexcept { socket_.close(); }

    /// Sends the first notes as one message and gives how many they were; at least one. Waits up to
    /// `patience` milliseconds for room. Throws `std::system_error`, and then nothing was sent.
    std::size_t send(std::span<const BufferNote> notes, int patience);

    /// Appends all that has arrived. False when the other end is closed. Throws `ProtocolError` when it has
    /// sent something else than notes.
    [[nodiscard]] bool receive(std::vector<ReceivedNote>& notes);

private:
    enum class Progress { some, none, end };
    [[nodiscard]] Progress receive_some(std::size_t wanted);
    void take_message(std::vector<ReceivedNote>& notes);

    uv::Descriptor socket_;
    std::vector<std::byte> incoming_;
    std::deque<uv::Descriptor> attached_;
};

} // namespace aio::detail
