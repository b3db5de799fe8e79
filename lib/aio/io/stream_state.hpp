#pragma once

/// The state behind `Stream`: who waits for what on one connection.

#include <cstddef>
#include <span>
#include <utility>

#include <aio/core/loop_resource.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/ref.hpp>
#include <aio/io/read_ahead.hpp>
#include <aio/uv/completion.hpp>
#include <aio/uv/stream.hpp>

namespace aio::detail {

class ReadAwaiter;
class WriteAwaiter;
class ShutdownAwaiter;

/// Lives as long as the stream object. Awaiters point here and are told when it goes, so that either may be
/// destroyed first.
class StreamState : public uv::StreamReader, public LoopResource {
public:
    StreamState(const StreamState&) = delete;
    StreamState& operator=(const StreamState&) = delete;
    virtual ~StreamState();

    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }
    [[nodiscard]] bool is_open() const noexcept { return handle_->is_open(); }
    [[nodiscard]] uv::Stream& handle() const noexcept { return *handle_; }

    /// Closes and wakes whoever waits. Bytes that a finished write left in the queue are still sent.
    void close() noexcept;
    /// Closes, drops what is queued, and wakes whoever waits.
    void abort() noexcept;

    // LoopResource
    void loop_closing() noexcept override { abort(); }

protected:
    /// `handle` belongs to the derived class, which calls `close` in its destructor.
    StreamState(LoopState& loop, uv::Stream& handle) noexcept;

    /// The connection is there: reading can begin.
    void begin() noexcept { handle_->set_reader(*this); }

private:
    friend ReadAwaiter;
    friend WriteAwaiter;
    friend ShutdownAwaiter;

    /// Throws `std::system_error` (bad_file_descriptor) if the stream is closed.
    void check_open() const;

    /// Bytes read with nobody waiting; when this many are there reading pauses.
    static constexpr std::size_t read_ahead_limit = 64 * 1024;
    /// A waiter's memory of at least this size is read into directly.
    static constexpr std::size_t direct_read_size = 4096;

    struct WriteDone final : uv::Completion {
        explicit WriteDone(StreamState& s) noexcept : Completion(&on_written), state(s) {}
        StreamState& state;
    };
    struct ShutdownDone final : uv::Completion {
        explicit ShutdownDone(StreamState& s) noexcept : Completion(&on_shut_down), state(s) {}
        StreamState& state;
    };
    static void on_written(uv::Completion& done, int status) noexcept;
    static void on_shut_down(uv::Completion& done, int status) noexcept;

    // uv::StreamReader
    std::span<std::byte> room(std::span<std::byte> shared) noexcept override;
    void received(std::span<const std::byte> data) noexcept override;
    void ended(int status) noexcept override;

    void wake_all_closed() noexcept;

    Ref<LoopState> loop_;
    uv::Stream* handle_;
    ReadAwaiter* reader_ = nullptr;
    WriteAwaiter* writer_ = nullptr;
    ShutdownAwaiter* shutdown_waiter_ = nullptr;
    ReadAhead read_ahead_;
    /// Why nothing more will come: a negative error, or 0 with `read_ended_`.
    int read_status_ = 0;
    bool read_ended_ = false;
    bool shut_down_ = false;
    WriteDone write_done_{*this};
    ShutdownDone shutdown_done_{*this};
};

/// With the handle itself: a `uv::Tcp` or `uv::Pipe`.
template <class Handle>
class StreamStateOf final : public StreamState {
public:
    template <class... Args>
    explicit StreamStateOf(LoopState& loop, Args&&... arguments)
        : StreamState(loop, own), own(std::forward<Args>(arguments)...) {
        begin();
    }
    ~StreamStateOf() override { close(); }

    Handle own;
};

} // namespace aio::detail
