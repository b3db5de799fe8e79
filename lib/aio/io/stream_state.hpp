#pragma once

/// The state behind `Stream`: who waits for what on one connection.
///
/// What carries the bytes is a class that derives from it: a socket or a pipe (`StreamStateOf`), or memory,
/// in tests (`testing::MemoryStream`).

#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/loop_resource.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/ref.hpp>
#include <aio/io/read_ahead.hpp>
#include <aio/uv/address.hpp>
#include <aio/uv/completion.hpp>
#include <aio/uv/stream.hpp>

namespace aio {
struct TlsInfo;
}
namespace aio::uv {
class Pipe;
class Tcp;
} // namespace aio::uv

namespace aio::detail {

class BufferedRead;
class ReadAwaiter;
class StreamTap;
class WriteAwaiter;
class ShutdownAwaiter;

/// Takes a stream's bytes instead of those who read from it: a stream of another kind that is made of it.
class StreamTap : public uv::StreamReader {
public:
    /// Whether it has room for bytes.
    [[nodiscard]] virtual bool wants() noexcept = 0;
    /// Some of what was queued has gone, or never will.
    virtual void progressed() noexcept = 0;

protected:
    StreamTap() = default;
    ~StreamTap() = default;
};

/// Lives as long as the stream object. Awaiters point here and are told when it goes, so that either may be
/// destroyed first.
class StreamState : public uv::StreamReader, public LoopResource {
public:
    StreamState(const StreamState&) = delete;
    StreamState& operator=(const StreamState&) = delete;
    virtual ~StreamState();

    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }
    /// Throws `RuntimeError` if another loop runs here than the stream's. (Where none runs a stream may be
    /// used on its loop's thread.)
    void check_here() const {
        const LoopState* const running = running_loop_state();
        if (running != loop_.get() && running != nullptr) throw_other_loop();
    }
    /// Throws `std::system_error` (bad_file_descriptor) if the stream is closed.
    void check_open() const;
    /// Where the two ends are; none if there is no such address, or none any more.
    [[nodiscard]] virtual std::optional<uv::Address> local_address() const { return std::nullopt; }
    [[nodiscard]] virtual std::optional<uv::Address> peer_address() const { return std::nullopt; }
    [[nodiscard]] virtual std::optional<std::string> local_path() const { return std::nullopt; }
    [[nodiscard]] virtual std::optional<std::string> peer_path() const { return std::nullopt; }
    /// The system's number for it, or -1.
    [[nodiscard]] virtual int descriptor() const noexcept { return -1; }
    /// Where it leads, for messages, also when it is closed: what `set_name` has said, "127.0.0.1:80",
    /// "/run/socket", "a client of /run/socket", "descriptor 5", or "a stream" when there is nothing to say.
    [[nodiscard]] std::string name() const;
    void set_name(std::string name) noexcept { name_ = std::move(name); }
    /// The number it was adopted by, which is how its user knows it.
    void set_number(int descriptor) noexcept { number_ = descriptor; }
    /// Has `name` say the same when the connection has broken.
    void keep_name() {
        if (!known_peer_) name_ = name();
    }
    /// The system forgets the peer's address when the connection breaks, which is when messages need it.
    void remember_peer(const uv::Address& peer) noexcept { known_peer_ = peer; }
    [[nodiscard]] const std::optional<uv::Address>& known_peer() const noexcept { return known_peer_; }

    /// What a TLS connection has agreed on; null for other streams.
    [[nodiscard]] virtual const TlsInfo* tls_info() const noexcept { return nullptr; }
    /// Whether an end that is read is the peer's word, and not only the system's.
    [[nodiscard]] virtual bool end_is_certain() const noexcept { return false; }
    /// Whether who reads gets what has come before the error first: the stream is whole as far as it goes.
    [[nodiscard]] virtual bool bytes_come_first() const noexcept { return false; }
    /// What it has broken with, if there is more to say than a status does.
    [[nodiscard]] virtual std::exception_ptr cause() const noexcept { return nullptr; }
    /// What a negative status means, as an exception. `operation` as in "read from", which the name follows.
    [[nodiscard]] std::exception_ptr error_of(int status, const char* operation) const;

    /// What a stream has brought before it was tapped.
    struct Brought {
        std::vector<std::byte> bytes;
        /// What it has ended with after these, if it has.
        std::optional<int> end;
    };
    /// From now on bytes go to `tap`, which outlives the stream or takes this back by `remove_tap`; those
    /// that have come already are given here. Throws `RuntimeError`, which begins with `what`, if somebody
    /// waits in the stream or its write direction has been shut down, and `std::bad_alloc`.
    [[nodiscard]] Brought set_tap(StreamTap& tap, const char* what);
    void remove_tap() noexcept { tap_ = nullptr; }

    /// Closes and wakes whoever waits. Bytes that a finished write left in the queue are still sent.
    void close() noexcept;
    /// Closes, drops what is queued, and wakes whoever waits.
    void abort() noexcept;
    /// The same because a write had to be given up, which whoever observes the writing is told.
    void give_up() noexcept;

    // LoopResource
    void loop_closing() noexcept override { abort(); }

    // What the transport does. Each is as in `uv::Stream`, and is called only while that is open.

    [[nodiscard]] virtual bool is_open() const noexcept = 0;
    [[nodiscard]] virtual std::size_t write_queue_size() const noexcept = 0;
    [[nodiscard]] virtual int write_error() const noexcept = 0;
    virtual int start_reading() noexcept = 0;
    virtual int try_write(std::span<const std::byte> data) noexcept = 0;
    virtual int queue(std::span<const std::byte> data) = 0;
    virtual int write(std::span<const std::byte> data, uv::Completion& done) noexcept = 0;
    virtual int shutdown(uv::Completion& done) noexcept = 0;
    /// Nobody is going to write any more, and the stream is to be closed as soon as nothing is queued. What
    /// it has to say and to hear itself before that counts as queued from here on.
    virtual void prepare_close() noexcept {}
    [[nodiscard]] virtual uv::EndOfWriting end_of_writing() const noexcept {
        return uv::EndOfWriting::by_shutdown;
    }
    /// The same; throws `std::system_error` (not_supported) if it is impossible. `what` is for the text: "end
    /// the write direction to".
    [[nodiscard]] uv::EndOfWriting check_end_of_writing(const char* what) const;

protected:
    /// The derived class calls `close` in its destructor.
    explicit StreamState(LoopState& loop) noexcept;

    virtual void close_transport() noexcept = 0;
    virtual void abort_transport() noexcept = 0;

    /// Whether somebody waits for bytes.
    [[nodiscard]] bool read_wanted() const noexcept;
    /// A part of what was queued has gone, or never will.
    void write_progressed() noexcept {
        if (tap_ != nullptr)
            tap_->progressed();
        else if (write_observer_)
            write_observer_();
    }

    // uv::StreamReader
    std::span<std::byte> room(std::span<std::byte> shared) noexcept override;
    void received(std::span<const std::byte> data) noexcept override;
    void ended(int status) noexcept override;

private:
    friend BufferedRead;
    friend ReadAwaiter;
    friend WriteAwaiter;
    friend ShutdownAwaiter;
    friend class StreamLink;

    [[noreturn]] static void throw_other_loop();

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

    void keep_name_if_open() noexcept;
    void wake_all_closed() noexcept;

    Ref<LoopState> loop_;
    std::string name_;
    std::optional<uv::Address> known_peer_;
    ReadAwaiter* reader_ = nullptr;
    BufferedRead* buffered_reader_ = nullptr;
    StreamTap* tap_ = nullptr;
    WriteAwaiter* writer_ = nullptr;
    ShutdownAwaiter* shutdown_waiter_ = nullptr;
    uv::Callback write_observer_;
    ReadAhead read_ahead_;
    /// Bytes read with nobody waiting; when this many are there reading pauses.
    static constexpr std::size_t default_read_ahead = std::size_t(64) * 1024;
    std::size_t read_ahead_limit_ = default_read_ahead;
    /// Why nothing more will come: a negative error, or 0 with `read_ended_`.
    int read_status_ = 0;
    int number_ = -1;
    bool read_ended_ = false;
    bool shut_down_ = false;
    WriteDone write_done_{*this};
    ShutdownDone shutdown_done_{*this};
};

/// The names of a handle's ends, as far as it has such.
[[nodiscard]] std::optional<uv::Address> local_address_of(const uv::Tcp& tcp) noexcept;
[[nodiscard]] std::optional<uv::Address> peer_address_of(const uv::Tcp& tcp) noexcept;
[[nodiscard]] std::optional<std::string> local_path_of(const uv::Pipe& pipe) noexcept;
[[nodiscard]] std::optional<std::string> peer_path_of(const uv::Pipe& pipe) noexcept;
[[nodiscard]] inline std::optional<uv::Address> local_address_of(const uv::Stream&) { return std::nullopt; }
[[nodiscard]] inline std::optional<uv::Address> peer_address_of(const uv::Stream&) { return std::nullopt; }
[[nodiscard]] inline std::optional<std::string> local_path_of(const uv::Stream&) { return std::nullopt; }
[[nodiscard]] inline std::optional<std::string> peer_path_of(const uv::Stream&) { return std::nullopt; }

/// Over a handle of libuv: a `uv::Tcp`, `uv::Pipe` or `uv::Tty`.
template <class Handle>
class StreamStateOf final : public StreamState {
public:
    template <class... Args>
    explicit StreamStateOf(LoopState& loop, Args&&... arguments)
        : StreamState(loop), own(std::forward<Args>(arguments)...) {
        own.set_reader(*this);
        own.set_write_observer(uv::bind<&StreamStateOf::on_progress>(*this));
    }
    ~StreamStateOf() override { close(); }

    [[nodiscard]] bool is_open() const noexcept override { return own.is_open(); }
    [[nodiscard]] std::size_t write_queue_size() const noexcept override { return own.write_queue_size(); }
    [[nodiscard]] int write_error() const noexcept override { return own.write_error(); }
    int start_reading() noexcept override { return own.start_reading(); }
    int try_write(std::span<const std::byte> data) noexcept override { return own.try_write(data); }
    int queue(std::span<const std::byte> data) override { return own.queue(data); }
    int write(std::span<const std::byte> data, uv::Completion& done) noexcept override {
        return own.write(data, done);
    }
    int shutdown(uv::Completion& done) noexcept override { return own.shutdown(done); }
    [[nodiscard]] uv::EndOfWriting end_of_writing() const noexcept override {
        return own.is_open() ? own.end_of_writing() : uv::EndOfWriting::by_shutdown;
    }

    [[nodiscard]] std::optional<uv::Address> local_address() const override {
        return own.is_open() ? local_address_of(own) : std::nullopt;
    }
    [[nodiscard]] std::optional<uv::Address> peer_address() const override {
        if (known_peer()) return known_peer();
        return own.is_open() ? peer_address_of(own) : std::nullopt;
    }
    [[nodiscard]] std::optional<std::string> local_path() const override {
        return own.is_open() ? local_path_of(own) : std::nullopt;
    }
    [[nodiscard]] std::optional<std::string> peer_path() const override {
        return own.is_open() ? peer_path_of(own) : std::nullopt;
    }
    [[nodiscard]] int descriptor() const noexcept override { return own.descriptor(); }

    Handle own;

private:
    void close_transport() noexcept override { own.close(); }
    void abort_transport() noexcept override { own.abort(); }
    void on_progress() noexcept { write_progressed(); }
};

} // namespace aio::detail
