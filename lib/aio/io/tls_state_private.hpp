#pragma once

/// `TlsState`: a stream of plain text on a stream of TLS records.
///
/// It taps the stream below. What comes from there goes into the engine, and what the engine gives is
/// for those who read here; what is written here goes through the engine to the stream below, as long as not
/// too much is queued there. So whoever is slow makes the other side wait, as without TLS.
///
/// Once the handshake is over, reading and writing are independent but for one thing: while half a message
/// about the connection itself is there, a ticket that fills several records for instance, the engine takes
/// nothing. What is written then is held here until the other half has come.
///
/// A connection is not just closed: every server of TLS 1.3 sends tickets that a client which only writes has
/// not read, and to close a socket over unread bytes resets the connection, which throws away what is still
/// on its way to the peer. So this says that it has finished, and reads on until the peer has said the same,
/// as asyncio does, but not for ever (`prepare_close`).

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <aio/core/clock.hpp>
#include <aio/core/handle.hpp>
#include <aio/core/ready_queue.hpp>
#include <aio/core/ref.hpp>
#include <aio/io/stream_state.hpp>
#include <aio/io/tls_engine_private.hpp>

namespace aio::detail {

class TlsState final : public StreamState {
public:
    /// Told once, from inside a callback of the loop, when the handshake has ended: null, or why it has
    /// failed; not at all if this is closed before. Must not destroy this, nor throw.
    using HandshakeEnd = std::function<void(std::exception_ptr)>;

    TlsState(std::unique_ptr<StreamState> below, TlsEngine engine, HandshakeEnd end);
    ~TlsState() override;

    /// Begins the handshake, which fails if it takes longer than `patience`. Bytes that the stream below has
    /// read already belong to TLS. Throws `RuntimeError` if somebody waits in the stream below.
    void begin(Duration patience);

    [[nodiscard]] std::optional<uv::Address> local_address() const override {
        return below_->local_address();
    }
    [[nodiscard]] std::optional<uv::Address> peer_address() const override { return below_->peer_address(); }
    [[nodiscard]] std::optional<std::string> local_path() const override { return below_->local_path(); }
    [[nodiscard]] std::optional<std::string> peer_path() const override { return below_->peer_path(); }
    [[nodiscard]] int descriptor() const noexcept override { return below_->descriptor(); }
    [[nodiscard]] const TlsInfo* tls_info() const noexcept override { return info_ ? &*info_ : nullptr; }
    [[nodiscard]] std::exception_ptr cause() const noexcept override { return cause_; }
    [[nodiscard]] bool bytes_come_first() const noexcept override { return cut_off_; }
    /// Of a close_notify, whatever befell writes meanwhile.
    [[nodiscard]] bool end_is_certain() const noexcept override { return true; }

    [[nodiscard]] bool is_open() const noexcept override { return below_->is_open(); }
    [[nodiscard]] std::size_t write_queue_size() const noexcept override {
        return below_->write_queue_size() + held_.size() + borrowed_.size() + (parting_ ? 1 : 0);
    }
    [[nodiscard]] int write_error() const noexcept override {
        if (write_status_ < 0) return write_status_;
        return below_->is_open() ? below_->write_error() : 0;
    }
    int start_reading() noexcept override;
    int try_write(std::span<const std::byte> data) noexcept override;
    int queue(std::span<const std::byte> data) override;
    int write(std::span<const std::byte> data, uv::Completion& done) noexcept override;
    int shutdown(uv::Completion& done) noexcept override;
    void prepare_close() noexcept override;
    void loop_closing() noexcept override;

private:
    void close_transport() noexcept override;
    void abort_transport() noexcept override;

    /// What the stream below tells.
    class Tap final : public StreamTap {
    public:
        explicit Tap(TlsState& owner) noexcept : owner_(owner) {}
        bool wants() noexcept override { return owner_.wants_records(); }
        std::span<std::byte> room(std::span<std::byte> shared) noexcept override {
            return owner_.wants_records() ? shared : std::span<std::byte>();
        }
        void received(std::span<const std::byte> data) noexcept override { owner_.records_came(data); }
        void ended(int status) noexcept override { owner_.records_ended(status); }
        void progressed() noexcept override { owner_.records_went(); }

    private:
        TlsState& owner_;
    };

    /// Has `advance` called by the loop. It allocates nothing, and may be in the loop's queue when the state
    /// goes.
    class Nudge final : public RefCounted, private ReadyItem {
    public:
        explicit Nudge(TlsState& owner) noexcept : owner_(&owner) {}
        void forget() noexcept { owner_ = nullptr; }
        void push(LoopState& loop) noexcept;

    private:
        void run() noexcept override;
        void drop() noexcept override;
        [[nodiscard]] std::string label() const override { return "a TLS connection"; }

        TlsState* owner_;
        bool queued_ = false;
    };

    [[nodiscard]] bool wants_records() noexcept;
    void records_came(std::span<const std::byte> data) noexcept;
    void records_ended(int status) noexcept;
    void records_went() noexcept;

    /// Does whatever can be done with what is there.
    void advance() noexcept;
    void advance_soon() noexcept { nudge_->push(loop()); }
    void shake_hands() noexcept;
    void begin_connection() noexcept;
    void read_records() noexcept;
    void report_end() noexcept;
    /// Encrypts from the front of `data`, and says how much: less than all when writing has failed or the
    /// engine needs input; and unless all of it is `wanted`, when the stream below has enough, or this has
    /// done enough for one turn.
    [[nodiscard]] std::size_t encrypt(std::span<const std::byte> data, bool all_wanted) noexcept;
    void wait_for_input() noexcept;
    void send_records() noexcept;
    /// Says whether any of what was waiting has gone, or never will.
    bool send_waiting() noexcept;
    [[nodiscard]] int begin_shutdown() noexcept;
    /// Parts from the peer as far as that goes now; says whether that is over, which it is once.
    [[nodiscard]] bool part() noexcept;
    /// Waits for the peer's end, but not for ever; false if that is impossible.
    bool wait_for_peer() noexcept;
    void complete(uv::Completion*& waiting, int status) noexcept;
    void fail(std::exception_ptr cause) noexcept;
    void time_out() noexcept;
    void finish_handshake(std::exception_ptr error) noexcept;
    void forget_waiting() noexcept;
    /// What was done, with whom: the beginning of a message.
    [[nodiscard]] std::string operation() const;
    [[nodiscard]] std::exception_ptr engine_error() const noexcept;
    [[nodiscard]] std::exception_ptr error(std::errc code, const char* what) const noexcept;
    [[nodiscard]] std::exception_ptr stream_error(int status) const noexcept;

    Tap tap_{*this};
    std::unique_ptr<StreamState> below_;
    TlsEngine engine_;
    HandshakeEnd on_handshake_;
    TimerHandle patience_;
    Ref<Nudge> nudge_;
    bool abandoned_ = false;
    std::optional<TlsInfo> info_;
    std::exception_ptr cause_;
    /// What was queued while the engine needed input.
    std::vector<std::byte> held_;
    /// The part of a `write` that is still to be sent, in its caller's memory.
    std::span<const std::byte> borrowed_;
    uv::Completion* write_done_ = nullptr;
    /// A `shutdown` that waits for these two.
    uv::Completion* shutdown_done_ = nullptr;
    /// Ends the parting from a peer that does not answer.
    TimerHandle parting_patience_;
    /// Bytes that reading has made this send since the stream below has last sent anything.
    std::size_t unread_answers_ = 0;
    int write_status_ = 0;
    int records_status_ = 0;
    bool records_ended_ = false;
    bool connected_ = false;
    bool plain_ended_ = false;
    /// The stream below has ended in good order, and TLS has not.
    bool cut_off_ = false;
    /// There may be more to read in the engine, but nobody has room for it.
    bool stalled_ = false;
    /// The engine takes nothing to write until more has come.
    bool blocked_ = false;
    /// The end has been announced, or will be when everything has been sent, and the peer's is waited for.
    bool parting_ = false;
    bool waits_for_peer_ = false;
    /// What comes is dropped: it had no more room, and nobody will read on.
    bool discarding_ = false;
};

} // namespace aio::detail
