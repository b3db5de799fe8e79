#include <aio/io/tls_state_private.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <system_error>
#include <utility>

#include <aio/core/event_loop.hpp>
#include <aio/uv/error.hpp>

namespace aio::detail {
namespace {

/// As much as one record holds.
constexpr std::size_t record_size = std::size_t{16} << 10;
/// So much is encrypted for one write to the stream below.
constexpr std::size_t batch_size = 4 * record_size;
/// So much of a long write is encrypted before others have their turn.
constexpr std::size_t turn_size = 16 * record_size;

/// A peer that wants to negotiate anew is told each time that it cannot; one that never reads that must not
/// fill the memory with it.
constexpr std::size_t most_unread_answers = 4 * record_size;

std::string name_of(const StreamState& stream) {
    if (const std::optional<uv::Address> peer = stream.peer_address()) return peer->to_string();
    if (std::optional<std::string> path = stream.peer_path(); path && !path->empty()) return std::move(*path);
    return stream.name();
}

/// An exception, or the one that making it throws.
template <class Make>
std::exception_ptr made(Make make) noexcept {
    try {
        return make();
    } catch (...) {
        return std::current_exception();
    }
}

} // namespace

TlsState::TlsState(std::unique_ptr<StreamState> below, TlsEngine engine, HandshakeEnd end)
    : StreamState(below->loop()),
      below_(std::move(below)),
      engine_(std::move(engine)),
      on_handshake_(std::move(end)),
      nudge_(new Nudge(*this)) {
    set_name(name_of(*below_));
}

void TlsState::begin(Duration patience) {
    patience_ = loop().require_loop().call_later(patience, [this] { time_out(); });
    const Brought brought = below_->set_tap(tap_, "TLS");
    records_ended_ = brought.end.has_value();
    records_status_ = brought.end.value_or(0);
    engine_.feed(brought.bytes);
    advance_soon();
}

TlsState::~TlsState() {
    close();
    below_->remove_tap();
    nudge_->forget();
    patience_.cancel();
    parting_patience_.cancel();
}

void TlsState::Nudge::push(LoopState& loop) noexcept {
    if (queued_ || loop.closed) return;
    queued_ = true;
    retain();
    loop.ready.push(*this);
}

void TlsState::Nudge::run() noexcept {
    const Ref<Nudge> keep(this);
    drop();
    if (owner_ != nullptr) owner_->advance();
}

void TlsState::Nudge::drop() noexcept {
    queued_ = false;
    release();
}

// ---- What is said when something goes wrong

std::string TlsState::operation() const {
    std::string text = connected_ ? "TLS with " : "TLS handshake with ";
    if (engine_.is_server()) text += "a client at ";
    text += name();
    // The name is not known to whoever looks at an address.
    const std::string& host = engine_.host();
    if (!host.empty() && name().find(host) == std::string::npos) text += " (" + host + ")";
    return text;
}

std::exception_ptr TlsState::engine_error() const noexcept {
    return made([&] { return engine_.error(operation()); });
}

std::exception_ptr TlsState::error(std::errc code, const char* what) const noexcept {
    return made([&] { return std::make_exception_ptr(TlsError(code, operation() + ": " + what)); });
}

std::exception_ptr TlsState::stream_error(int status) const noexcept {
    return made(
        [&] { return std::make_exception_ptr(std::system_error(uv::error_code(status), operation())); });
}

// ---- Reading

bool TlsState::wants_records() noexcept {
    // What has broken takes nothing any more, or a peer could fill the memory.
    if (cause_) return false;
    // A write that waits for the rest of a message must not wait for readers as well.
    if (!connected_ || blocked_) return true;
    if (parting_) return !plain_ended_;
    std::array<std::byte, 1> any{};
    return !plain_ended_ && !StreamState::room(any).empty();
}

void TlsState::records_came(std::span<const std::byte> data) noexcept {
    try {
        engine_.feed(data);
    } catch (const std::bad_alloc&) {
        records_ended(uv::status::out_of_memory);
        return;
    }
    blocked_ = false;
    advance();
}

void TlsState::records_ended(int status) noexcept {
    records_ended_ = true;
    records_status_ = status;
    blocked_ = false;
    // Closed, with the loop if not by this: nobody is left who could be told.
    if (status == uv::status::canceled) abandoned_ = true;
    advance();
}

int TlsState::start_reading() noexcept {
    // Not from here: whoever asks is not ready to be told yet.
    if (stalled_) advance_soon();
    return records_ended_ ? 0 : below_->start_reading();
}

void TlsState::advance() noexcept {
    if (!connected_) shake_hands();
    if (connected_) read_records();
    const bool sent = send_waiting();
    const bool gone = part() || sent;
    if (!records_ended_ && below_->is_open() && wants_records()) static_cast<void>(below_->start_reading());
    // Last: whoever is told may let this go.
    if (gone) write_progressed();
}

void TlsState::shake_hands() noexcept {
    if (cause_ || abandoned_) return;
    const TlsStep step = engine_.handshake();
    // Alerts as well: the peer is to know why.
    send_records();
    switch (step) {
    case TlsStep::done: begin_connection(); return;
    case TlsStep::needs_input:
        if (records_ended_ && records_status_ == 0)
            fail(error(std::errc::connection_reset, "the peer has closed the connection in the handshake"));
        else if (records_ended_)
            fail(stream_error(records_status_));
        else if (const int status = write_error(); status < 0)
            fail(stream_error(status));
        return;
    case TlsStep::ended:
        fail(error(std::errc::connection_reset, "the peer has ended the connection in the handshake"));
        return;
    default: fail(engine_error()); return;
    }
}

void TlsState::begin_connection() noexcept {
    try {
        info_ = engine_.info();
    } catch (const std::bad_alloc&) {
        fail(std::current_exception());
        return;
    }
    connected_ = true;
    finish_handshake(nullptr);
}

void TlsState::read_records() noexcept {
    std::array<std::byte, record_size> shared;
    stalled_ = false;
    std::exception_ptr failure;
    while (!plain_ended_ && is_open()) {
        std::span<std::byte> memory = discarding_ ? std::span<std::byte>() : StreamState::room(shared);
        if (memory.empty() && !parting_) {
            stalled_ = true;
            break;
        }
        if (memory.empty()) {
            discarding_ = true;
            memory = shared;
        }
        std::size_t count = 0;
        const TlsStep step = engine_.read(memory, count);
        if (step == TlsStep::done) {
            if (!discarding_) StreamState::received(memory.first(count));
            continue;
        }
        if (step == TlsStep::ended) {
            plain_ended_ = true;
            StreamState::ended(0);
        } else if (step == TlsStep::failed) {
            failure = engine_error();
        } else if (records_ended_ && parting_ && !read_wanted()) {
            // Many peers just close, and nobody asks for more.
            plain_ended_ = true;
        } else if (records_ended_) {
            report_end();
        }
        break;
    }
    // What the peer has asked for: new keys, or an alert that says what was wrong.
    const std::size_t answers = engine_.output().size();
    if (engine_.has_ended_writing())
        engine_.discard_output();
    else
        send_records();
    unread_answers_ = below_->is_open() && below_->write_queue_size() > 0 ? unread_answers_ + answers : 0;
    if (unread_answers_ > most_unread_answers && !failure)
        failure = error(std::errc::protocol_error, "the peer asks for answers, and does not read them");
    if (failure) fail(std::move(failure));
}

/// The stream below has ended, and TLS has not.
void TlsState::report_end() noexcept {
    plain_ended_ = true;
    if (records_status_ == 0) {
        cut_off_ = true;
        cause_ = error(std::errc::connection_aborted,
                       "the connection was cut off: it has ended without TLS's close_notify, so something "
                       "may be missing");
        records_status_ = uv::status_of(std::errc::connection_aborted);
    }
    StreamState::ended(records_status_);
}

void TlsState::fail(std::exception_ptr cause) noexcept {
    if (!cause_) cause_ = std::move(cause);
    const int status = uv::status_of(std::errc::protocol_error);
    write_status_ = status;
    plain_ended_ = true;
    held_.clear();
    borrowed_ = {};
    if (!connected_) finish_handshake(cause_);
    complete(write_done_, status);
    complete(shutdown_done_, status);
    StreamState::ended(status);
    write_progressed();
}

/// Nobody is there who could be told, or who reads what was to be sent.
void TlsState::time_out() noexcept {
    fail(error(std::errc::timed_out, "the handshake takes too long"));
    below_->abort();
}

void TlsState::finish_handshake(std::exception_ptr error) noexcept {
    patience_.cancel();
    if (abandoned_) return;
    if (const HandshakeEnd end = std::exchange(on_handshake_, nullptr)) end(std::move(error));
}

// ---- Writing

void TlsState::complete(uv::Completion*& waiting, int status) noexcept {
    if (uv::Completion* const done = std::exchange(waiting, nullptr)) (*done)(status);
}

std::size_t TlsState::encrypt(std::span<const std::byte> data, bool all_wanted) noexcept {
    std::size_t taken = 0;
    while (taken < data.size() && !blocked_ && write_error() >= 0) {
        if (!all_wanted &&
            (taken >= turn_size || below_->write_queue_size() > uv::Stream::default_high_water))
            break;
        const auto batch = data.subspan(taken, std::min(data.size() - taken, batch_size));
        const TlsStep step = engine_.write(batch);
        std::exception_ptr failure;
        if (step == TlsStep::failed) failure = engine_error();
        if (step == TlsStep::ended)
            failure = error(std::errc::connection_reset, "the peer has ended the connection");
        send_records();
        if (failure) {
            fail(failure);
        } else if (step == TlsStep::needs_input) {
            wait_for_input();
        } else {
            taken += batch.size();
        }
    }
    return taken;
}

/// The engine is in the middle of a message.
void TlsState::wait_for_input() noexcept {
    blocked_ = !records_ended_;
    if (blocked_)
        static_cast<void>(below_->start_reading());
    else if (write_status_ == 0)
        write_status_ = records_status_ < 0 ? records_status_ : uv::status_of(std::errc::connection_aborted);
}

void TlsState::send_records() noexcept {
    const std::span<const std::byte> records = engine_.output();
    if (records.empty()) return;
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
}

int TlsState::try_write(std::span<const std::byte> data) noexcept {
    std::size_t taken = 0;
    if (held_.empty() && write_done_ == nullptr) taken = encrypt(data, false);
    if (const int error = write_error(); error < 0) return error;
    return static_cast<int>(taken);
}

int TlsState::queue(std::span<const std::byte> data) {
    std::size_t taken = 0;
    if (held_.empty()) taken = encrypt(data, true);
    if (const int error = write_error(); error < 0) return error;
    const std::span<const std::byte> rest = data.subspan(taken);
    held_.insert(held_.end(), rest.begin(), rest.end());
    return 0;
}

int TlsState::write(std::span<const std::byte> data, uv::Completion& done) noexcept {
    if (const int error = write_error(); error < 0) return error;
    borrowed_ = data;
    write_done_ = &done;
    // What the stream below has queued may have gone already.
    if (below_->write_queue_size() <= uv::Stream::default_high_water) advance_soon();
    return 0;
}

void TlsState::records_went() noexcept {
    unread_answers_ = 0;
    send_waiting();
    static_cast<void>(part());
    write_progressed();
}

bool TlsState::send_waiting() noexcept {
    if (held_.empty() && write_done_ == nullptr && shutdown_done_ == nullptr) return false;
    const std::size_t before = held_.size() + borrowed_.size();
    if (!held_.empty()) {
        const std::size_t taken = std::min(encrypt(held_, true), held_.size());
        held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(taken));
    }
    if (held_.empty() && !borrowed_.empty()) {
        const std::size_t taken = encrypt(borrowed_, false);
        borrowed_ = borrowed_.subspan(std::min(taken, borrowed_.size()));
        if (taken >= turn_size && !borrowed_.empty()) advance_soon();
    }
    const int error = write_error();
    if (error < 0) {
        held_.clear();
        borrowed_ = {};
    }
    if (held_.empty() && borrowed_.empty()) {
        complete(write_done_, error);
        if (shutdown_done_ != nullptr) {
            const int status = error < 0 ? error : begin_shutdown();
            if (status < 0) complete(shutdown_done_, status);
        }
    }
    return held_.size() + borrowed_.size() < before;
}

int TlsState::shutdown(uv::Completion& done) noexcept {
    if (const int error = write_error(); error < 0) return error;
    shutdown_done_ = &done;
    if (!held_.empty() || write_done_ != nullptr) return 0;
    const int status = begin_shutdown();
    if (status < 0) shutdown_done_ = nullptr;
    return status;
}

/// Everything has been written. When the engine needs input, that comes first.
int TlsState::begin_shutdown() noexcept {
    if (engine_.end_writing() == TlsStep::needs_input) {
        wait_for_input();
        return std::min(write_error(), 0);
    }
    send_records();
    if (const int error = write_error(); error < 0) return error;
    const int status = below_->shutdown(*shutdown_done_);
    if (status >= 0) shutdown_done_ = nullptr;
    return status;
}

// ---- The end

void TlsState::prepare_close() noexcept {
    // Who has not begun, has broken or has heard the peer's last word has nothing to wait for.
    if (parting_ || !connected_ || cause_ || plain_ended_ || records_ended_ || write_error() < 0) return;
    if (engine_.shutdown_timeout() == Duration::zero()) return;
    parting_ = true;
    advance_soon();
}

bool TlsState::part() noexcept {
    if (!parting_ || abandoned_) return false;
    const bool all_taken = held_.empty() && borrowed_.empty();
    const bool ends = !cause_ && all_taken && !engine_.has_ended_writing();
    if (ends && engine_.end_writing() == TlsStep::done) send_records();
    const bool over = cause_ || plain_ended_ || records_ended_ || write_error() < 0;
    if (!over) {
        // How long the peer takes to read what was written is its affair, as without TLS.
        const bool sent = all_taken && below_->write_queue_size() == 0;
        if (!sent || wait_for_peer()) return false;
    }
    parting_ = false;
    parting_patience_.cancel();
    return true;
}

bool TlsState::wait_for_peer() noexcept {
    if (std::exchange(waits_for_peer_, true)) return true;
    try {
        parting_patience_ = loop().require_loop().call_later(engine_.shutdown_timeout(), [this] {
            parting_ = false;
            write_progressed();
        });
        return true;
    } catch (...) {
        // Without memory for a timer it might never end.
        return false;
    }
}

void TlsState::loop_closing() noexcept {
    // It may own whoever owns this, which then goes at the very end.
    const HandshakeEnd dropped = std::exchange(on_handshake_, nullptr);
    abort();
}

void TlsState::forget_waiting() noexcept {
    patience_.cancel();
    parting_patience_.cancel();
    parting_ = false;
    on_handshake_ = nullptr;
    held_.clear();
    borrowed_ = {};
    write_done_ = shutdown_done_ = nullptr;
}

void TlsState::close_transport() noexcept {
    // Without the peer being told it knows that something is missing, if something is.
    if (below_->is_open() && write_error() == 0 && !cause_ && held_.empty() && borrowed_.empty()) {
        static_cast<void>(engine_.end_writing());
        send_records();
    }
    forget_waiting();
    below_->close();
}

void TlsState::abort_transport() noexcept {
    forget_waiting();
    below_->abort();
}

} // namespace aio::detail
