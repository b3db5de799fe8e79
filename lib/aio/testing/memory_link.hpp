#pragma once

/// What connects the two ends of a `MemoryStream`.

#include <cstddef>
#include <deque>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include <aio/core/event_loop.hpp>
#include <aio/core/ready_queue.hpp>
#include <aio/core/ref.hpp>
#include <aio/io/stream_state.hpp>
#include <aio/testing/memory_stream.hpp>
#include <aio/uv/loop.hpp>

namespace aio::testing::detail {

using aio::detail::LoopState;
using aio::detail::ReadyItem;
using aio::detail::Ref;
using aio::detail::RefCounted;

/// What goes wrong after so many bytes.
class Fault {
public:
    int status = 0;
    std::size_t left = std::numeric_limits<std::size_t>::max();
};

/// One direction: from a writing end to a reading one.
class MemoryPipe {
public:
    /// Written and not yet received.
    std::deque<std::byte> bytes;
    /// The part of a `write` that is still to come, in its caller's memory, and how it ends.
    std::span<const std::byte> borrowed;
    int write_result = 0;
    uv::Completion* write_done = nullptr;
    uv::Completion* shutdown_done = nullptr;
    /// The writer has shut down, or is closed: the end comes after the bytes.
    bool ended = false;
    bool reader_closed = false;
    int write_error = 0;
    Fault read_fault;
    Fault write_fault;
    std::size_t next_chunk = 0;
    /// What is left of the piece that is being received.
    std::size_t chunk_left = 0;
    /// What the writer knows to be queued.
    std::size_t known_unsent = 0;
};

/// Both directions. Moves bytes as an item of the loop's ready queue, so that nothing is called back from
/// inside the call that started it.
class MemoryLink final : public RefCounted, private ReadyItem {
public:
    MemoryLink(LoopState& loop, const MemoryStreamOptions& options) : options_(options), loop_(&loop) {}

    /// The directions in which an end writes, and reads.
    [[nodiscard]] MemoryPipe& outgoing(std::size_t end) noexcept { return pipes_[end]; }
    [[nodiscard]] MemoryPipe& incoming(std::size_t end) noexcept { return pipes_[1 - end]; }
    /// Bytes beyond the capacity.
    [[nodiscard]] std::size_t unsent(const MemoryPipe& pipe) const noexcept;
    /// Takes bytes from the front of `data`, at most `limit` of them; says how many.
    std::size_t accept(MemoryPipe& pipe, std::span<const std::byte> data, std::size_t limit);
    [[nodiscard]] std::size_t room(const MemoryPipe& pipe) const noexcept;

    void open(std::size_t end, MemoryStreamState& state) noexcept { ends_[end] = &state; }
    void close(std::size_t end, bool drop_unsent) noexcept;
    /// Something has changed: queues this.
    void touch() noexcept;

private:
    void run() noexcept override;
    void drop() noexcept override;
    [[nodiscard]] std::string label() const override { return "a memory stream"; }

    void deliver(std::size_t end) noexcept;
    void settle_writes(std::size_t end) noexcept;
    [[nodiscard]] std::size_t piece(const MemoryPipe& pipe) const noexcept;

    MemoryStreamOptions options_;
    Ref<LoopState> loop_;
    MemoryPipe pipes_[2];
    MemoryStreamState* ends_[2] = {nullptr, nullptr};
    bool queued_ = false;
};

/// One end.
class MemoryStreamState final : public aio::detail::StreamState {
public:
    MemoryStreamState(LoopState& loop, Ref<MemoryLink> link, std::size_t end) noexcept;
    ~MemoryStreamState() override { close(); }

    [[nodiscard]] MemoryPipe& outgoing() const noexcept { return link_->outgoing(end_); }
    [[nodiscard]] MemoryPipe& incoming() const noexcept { return link_->incoming(end_); }
    void touch() noexcept { link_->touch(); }

    // What the link calls.
    [[nodiscard]] bool wants() const noexcept { return read_wanted(); }
    [[nodiscard]] std::span<std::byte> room_for(std::span<std::byte> shared) noexcept { return room(shared); }
    void bring(std::span<const std::byte> data) noexcept { received(data); }
    void end(int status) noexcept { ended(status); }
    void progressed() noexcept { write_progressed(); }

    [[nodiscard]] bool is_open() const noexcept override { return open_; }
    [[nodiscard]] std::size_t write_queue_size() const noexcept override;
    [[nodiscard]] int write_error() const noexcept override { return outgoing().write_error; }
    int start_reading() noexcept override;
    int try_write(std::span<const std::byte> data) noexcept override;
    int queue(std::span<const std::byte> data) override;
    int write(std::span<const std::byte> data, uv::Completion& done) noexcept override;
    int shutdown(uv::Completion& done) noexcept override;

private:
    void close_transport() noexcept override { leave(false); }
    void abort_transport() noexcept override { leave(true); }
    void leave(bool drop_unsent) noexcept;
    /// Why nothing more can be written, or 0.
    int check_writable() noexcept;

    Ref<MemoryLink> link_;
    std::size_t end_;
    bool open_ = true;
};

} // namespace aio::testing::detail
