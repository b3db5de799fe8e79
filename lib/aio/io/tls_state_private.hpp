#pragma once

/// `TlsState`: a stream of plain text on a stream of TLS records.
///
/// It taps the stream below. What comes from there goes into the engine, and what the engine gives is
/// for those who read here; what is written here goes through the engine to the stream below, as long as not
/// too much is queued there. So whoever is slow makes the other side wait, as without TLS.

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <aio/core/clock.hpp>
#include <aio/core/handle.hpp>
#include <aio/io/stream_state.hpp>
#include <aio/io/tls_engine_private.hpp>

namespace aio::detail {

class TlsState final : public StreamState {
public:
    /// Told once, from inside a callback of the loop, when the handshake has ended: null, or why it has
    /// failed; not at all if this is closed before. Must not destroy this.
    using HandshakeEnd = std::function<void(std::exception_ptr)>;

    /// Begins the handshake, which fails if it takes longer than `patience`. Bytes that the stream below has
    /// read already belong to TLS.
    TlsState(std::unique_ptr<StreamState> below, TlsEngine engine, Duration patience, HandshakeEnd end);
    ~TlsState() override;

    [[nodiscard]] std::optional<uv::Address> local_address() const override {
        return below_->local_address();
    }
    [[nodiscard]] std::optional<uv::Address> peer_address() const override { return below_->peer_address(); }
    [[nodiscard]] std::optional<std::string> local_path() const override { return below_->local_path(); }
    [[nodiscard]] std::optional<std::string> peer_path() const override { return below_->peer_path(); }
    [[nodiscard]] int descriptor() const noexcept override { return below_->descriptor(); }
    [[nodiscard]] const TlsInfo* tls_info() const noexcept override { return info_ ? &*info_ : nullptr; }
    [[nodiscard]] std::exception_ptr cause() const noexcept override { return cause_; }

    [[nodiscard]] bool is_open() const noexcept override { return below_->is_open(); }
    [[nodiscard]] std::size_t write_queue_size() const noexcept override {
        return below_->write_queue_size() + borrowed_.size();
    }
    [[nodiscard]] int write_error() const noexcept override {
        return write_status_ < 0 ? write_status_ : below_->write_error();
    }
    int start_reading() noexcept override;
    int try_write(std::span<const std::byte> data) noexcept override;
    int queue(std::span<const std::byte> data) override;
    int write(std::span<const std::byte> data, uv::Completion& done) noexcept override;
    int shutdown(uv::Completion& done) noexcept override;
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

    [[nodiscard]] bool wants_records() noexcept;
    void records_came(std::span<const std::byte> data) noexcept;
    void records_ended(int status) noexcept;
    void records_went() noexcept;

    /// Does whatever can be done with what is there.
    void advance() noexcept;
    void advance_soon() noexcept;
    void shake_hands() noexcept;
    void read_records() noexcept;
    void report_end() noexcept;
    [[nodiscard]] int encrypt(std::span<const std::byte> data) noexcept;
    [[nodiscard]] int send_records() noexcept;
    void send_borrowed() noexcept;
    void fail(std::exception_ptr cause) noexcept;
    void finish_handshake(std::exception_ptr error) noexcept;
    [[nodiscard]] std::string target() const;

    Tap tap_{*this};
    std::unique_ptr<StreamState> below_;
    TlsEngine engine_;
    HandshakeEnd on_handshake_;
    TimerHandle patience_;
    Handle soon_;
    bool is_soon_ = false;
    bool abandoned_ = false;
    std::optional<TlsInfo> info_;
    std::exception_ptr cause_;
    /// The part of a `write` that is still to be sent, in its caller's memory.
    std::span<const std::byte> borrowed_;
    uv::Completion* write_done_ = nullptr;
    int write_status_ = 0;
    int records_status_ = 0;
    bool records_ended_ = false;
    bool connected_ = false;
    bool plain_ended_ = false;
    /// There may be more to read in the engine, but nobody has room for it.
    bool stalled_ = false;
};

} // namespace aio::detail
