#include <aio/io/tls_state_private.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <aio/core/event_loop.hpp>
#include <aio/uv/error.hpp>

namespace aio::detail {
namespace {

/// As much as one record holds.
constexpr std::size_t record_size = std::size_t{16} << 10;
/// So much is encrypted for one write to the stream below.
constexpr std::size_t batch_size = 4 * record_size;

} // namespace

TlsState::TlsState(std::unique_ptr<StreamState> below, TlsEngine engine, Duration patience, HandshakeEnd end)
    : StreamState(below->loop()),
      below_(std::move(below)),
      engine_(std::move(engine)),
      on_handshake_(std::move(end)) {
    set_name(below_->name());
    EventLoop& own_loop = loop().require_loop();
    const Brought brought = below_->set_tap(tap_);
    engine_.feed(brought.bytes);
    records_ended_ = brought.end.has_value();
    records_status_ = brought.end.value_or(0);
    patience_ = own_loop.call_later(patience, [this] {
        fail(std::make_exception_ptr(
            TlsError(std::errc::timed_out, "TLS with " + target() + ": the handshake takes too long")));
    });
    advance_soon();
}

TlsState::~TlsState() {
    close();
    below_->remove_tap();
    soon_.cancel();
    patience_.cancel();
}

std::string TlsState::target() const { return below_->name(); }

// ---- Reading

bool TlsState::wants_records() noexcept {
    if (!connected_) return true;
    std::array<std::byte, 1> any;
    return !plain_ended_ && !StreamState::room(any).empty();
}

void TlsState::records_came(std::span<const std::byte> data) noexcept {
    try {
        engine_.feed(data);
    } catch (const std::bad_alloc&) {
        records_ended(uv::status::out_of_memory);
        return;
    }
    advance();
}

void TlsState::records_ended(int status) noexcept {
    records_ended_ = true;
    records_status_ = status;
    // Closed, with the loop if not by this: nobody is left who could be told.
    if (status == uv::status::canceled) abandoned_ = true;
    advance();
}

int TlsState::start_reading() noexcept {
    // Not from here: whoever asks is not ready to be told yet.
    if (stalled_) advance_soon();
    return records_ended_ ? 0 : below_->start_reading();
}

void TlsState::advance_soon() noexcept {
    if (is_soon_) return;
    try {
        soon_ = loop().require_loop().call_soon([this] {
            is_soon_ = false;
            advance();
        });
        is_soon_ = true;
    } catch (const std::exception&) {
        // The loop is closed, and this will be next.
    }
}

void TlsState::advance() noexcept {
    if (!connected_) shake_hands();
    if (connected_) read_records();
    if (!records_ended_ && below_->is_open() && wants_records()) static_cast<void>(below_->start_reading());
}

void TlsState::shake_hands() noexcept {
    if (cause_) return;
    const TlsStep step = engine_.handshake();
    // Alerts as well: the peer is to know why.
    const int sent = send_records();
    switch (step) {
    case TlsStep::done:
        connected_ = true;
        try {
            info_ = engine_.info();
        } catch (const std::bad_alloc&) {
            fail(std::current_exception());
            return;
        }
        finish_handshake(nullptr);
        return;
    case TlsStep::needs_input:
        if (records_ended_ && records_status_ == 0)
            fail(std::make_exception_ptr(
                TlsError(std::errc::connection_reset,
                         "TLS with " + target() + ": the peer has closed the connection in the handshake")));
        else if (records_ended_)
            fail(below_->error_of(records_status_, "TLS handshake with"));
        else if (sent < 0)
            fail(below_->error_of(sent, "TLS handshake with"));
        return;
    default: fail(engine_.error(target())); return;
    }
}

void TlsState::read_records() noexcept {
    std::array<std::byte, record_size> shared;
    stalled_ = false;
    while (!plain_ended_ && is_open()) {
        const std::span<std::byte> memory = StreamState::room(shared);
        if (memory.empty()) {
            stalled_ = true;
            break;
        }
        std::size_t count = 0;
        const TlsStep step = engine_.read(memory, count);
        if (step == TlsStep::done) {
            StreamState::received(memory.first(count));
            continue;
        }
        if (step == TlsStep::ended) {
            plain_ended_ = true;
            StreamState::ended(0);
        } else if (step == TlsStep::failed) {
            fail(engine_.error(target()));
        } else if (records_ended_) {
            report_end();
        }
        break;
    }
    // What the peer has asked for: new keys, or an alert that says what was wrong.
    static_cast<void>(send_records());
}

/// The stream below has ended, and TLS has not.
void TlsState::report_end() noexcept {
    plain_ended_ = true;
    if (records_status_ == 0) {
        cause_ = std::make_exception_ptr(TlsError(
            std::errc::connection_aborted, "read from " + target() +
                                               ": the connection was cut off: it has ended without TLS's "
                                               "close_notify, so something may be missing"));
        records_status_ = uv::status_of(std::errc::connection_aborted);
    }
    StreamState::ended(records_status_);
}

void TlsState::fail(std::exception_ptr cause) noexcept {
    if (!cause_) cause_ = std::move(cause);
    const int status = uv::status_of(std::errc::protocol_error);
    write_status_ = status;
    plain_ended_ = true;
    borrowed_ = {};
    if (!connected_) finish_handshake(cause_);
    if (uv::Completion* const done = std::exchange(write_done_, nullptr)) (*done)(status);
    StreamState::ended(status);
    write_progressed();
}

void TlsState::finish_handshake(std::exception_ptr error) noexcept {
    patience_.cancel();
    if (abandoned_) return;
    if (const HandshakeEnd end = std::exchange(on_handshake_, nullptr)) end(std::move(error));
}

// ---- Writing

int TlsState::encrypt(std::span<const std::byte> data) noexcept {
    while (!data.empty()) {
        const std::span<const std::byte> batch = data.first(std::min(data.size(), batch_size));
        if (engine_.write(batch) != TlsStep::done) {
            fail(engine_.error(target()));
            return write_status_;
        }
        if (const int status = send_records(); status < 0) return status;
        data = data.subspan(batch.size());
    }
    return 0;
}

int TlsState::send_records() noexcept {
    const std::span<const std::byte> records = engine_.output();
    if (records.empty()) return 0;
    int status = write_error();
    if (status >= 0 && below_->is_open()) {
        status = below_->try_write(records);
        try {
            if (status >= 0 && static_cast<std::size_t>(status) < records.size())
                status = below_->queue(records.subspan(static_cast<std::size_t>(status)));
        } catch (const std::bad_alloc&) {
            status = uv::status::out_of_memory;
        }
    }
    engine_.discard_output();
    if (status < 0 && write_status_ == 0) write_status_ = status;
    return std::min(status, 0);
}

int TlsState::try_write(std::span<const std::byte> data) noexcept {
    if (const int error = write_error(); error < 0) return error;
    std::size_t taken = 0;
    while (taken < data.size() && write_done_ == nullptr &&
           below_->write_queue_size() <= uv::Stream::default_high_water) {
        const auto batch = data.subspan(taken, std::min(data.size() - taken, batch_size));
        if (const int status = encrypt(batch); status < 0) return status;
        taken += batch.size();
    }
    return static_cast<int>(taken);
}

int TlsState::queue(std::span<const std::byte> data) {
    if (const int error = write_error(); error < 0) return error;
    return encrypt(data);
}

int TlsState::write(std::span<const std::byte> data, uv::Completion& done) noexcept {
    if (const int error = write_error(); error < 0) return error;
    borrowed_ = data;
    write_done_ = &done;
    return 0;
}

void TlsState::records_went() noexcept {
    send_borrowed();
    write_progressed();
}

void TlsState::send_borrowed() noexcept {
    if (write_done_ == nullptr) return;
    while (!borrowed_.empty() && write_error() == 0 &&
           below_->write_queue_size() <= uv::Stream::default_high_water) {
        const auto batch = borrowed_.first(std::min(borrowed_.size(), batch_size));
        borrowed_ = borrowed_.subspan(batch.size());
        static_cast<void>(encrypt(batch));
    }
    const int error = write_error();
    if (write_done_ == nullptr || (error == 0 && !borrowed_.empty())) return;
    borrowed_ = {};
    (*std::exchange(write_done_, nullptr))(error);
}

int TlsState::shutdown(uv::Completion& done) noexcept {
    if (const int error = write_error(); error < 0) return error;
    engine_.end_writing();
    if (const int status = send_records(); status < 0) return status;
    return below_->shutdown(done);
}

// ---- The end

void TlsState::loop_closing() noexcept {
    // It may own whoever owns this, which then goes at the very end.
    const HandshakeEnd dropped = std::exchange(on_handshake_, nullptr);
    abort();
}

void TlsState::close_transport() noexcept {
    if (below_->is_open() && write_error() == 0 && !cause_) {
        engine_.end_writing();
        static_cast<void>(send_records());
    }
    on_handshake_ = nullptr;
    borrowed_ = {};
    write_done_ = nullptr;
    below_->close();
}

void TlsState::abort_transport() noexcept {
    on_handshake_ = nullptr;
    borrowed_ = {};
    write_done_ = nullptr;
    below_->abort();
}

} // namespace aio::detail
