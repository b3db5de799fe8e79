#include <aio/io/transport.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include <aio/core/error_context.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/uv/error.hpp>

namespace aio {

Transport::Transport(std::unique_ptr<detail::StreamState> stream)
    : TransportCore(stream->loop().require_loop()), stream_(std::move(stream)) {
    peer_ = stream_->peer_address();
    stream_->keep_name();
    detail::StreamState::Brought brought = stream_->set_tap(tap_, "a transport");
    received_.received(brought.bytes);
    end_ = brought.end;
    ended_ = end_.has_value();
}

Transport::~Transport() {
    drop_protocols();
    if (stream_) stream_->remove_tap();
}

detail::Ref<Transport> Transport::start(Stream stream, StreamProtocol& protocol,
                                        std::unique_ptr<StreamProtocol> owned,
                                        detail::ConnectionOwner* owner) {
    if (&stream.state().loop() != detail::running_loop_state())
        throw RuntimeError("a transport cannot be made of a stream that belongs to another loop");
    if (!stream.is_open()) uv::throw_error(uv::status::closed, "make a transport of a stream that is closed");
    detail::Ref<Transport> transport(new Transport(std::move(stream.state_)));
    transport->begin(protocol, std::move(owned));
    transport->ServedConnection::set_owner(owner);
    return transport;
}

// ---- Writing

void Transport::write(std::span<const std::byte> data) {
    stream_->check_here();
    if (eof_written_)
        throw RuntimeError("write: this transport's write direction has been ended by write_eof");
    if (data.empty()) return;
    if (is_closing()) {
        write_dropped(stream_->name());
        return;
    }
    int status = stream_->try_write(data);
    if (status >= 0 && static_cast<std::size_t>(status) < data.size()) {
        try {
            status = stream_->queue(data.subspan(static_cast<std::size_t>(status)));
        } catch (const std::bad_alloc&) {
            status = uv::status::out_of_memory;
        }
    }
    if (status < 0) {
        write_lost(status);
        return;
    }
    const std::size_t waiting = stream_->write_queue_size();
    sending_ = waiting != 0;
    check_high(waiting);
}

void Transport::write_eof() {
    if (is_closing() || eof_written_) return;
    const uv::EndOfWriting way = stream_->check_end_of_writing("end the write direction to");
    eof_written_ = true;
    if (way == uv::EndOfWriting::by_closing) {
        close();
        return;
    }
    const int status = stream_->shutdown(shut_down_);
    if (status < 0) force_close(stream_->error_of(status, "end the write direction to"));
}

void Transport::write_lost(int status) noexcept {
    sending_ = false;
    const bool reading_tells = end_ ? *end_ < 0 : !ended_ && status == uv::status::connection_reset;
    if (takes_bytes() && reading_tells)
        lost_status_ = status;
    else
        force_close(stream_->error_of(status, "write to"));
}

std::size_t Transport::queued() const noexcept {
    return stream_->is_open() ? stream_->write_queue_size() : 0;
}

void Transport::settle_writes() noexcept {
    if (write_failed()) {
        write_lost(stream_->write_error());
        return;
    }
    check_low(stream_->write_queue_size());
    if (ending()) return;
    sending_ = stream_->write_queue_size() != 0;
    if (is_closing() && !sending_) end(nullptr);
}

// ---- Reading

bool Transport::Tap::wants() noexcept {
    std::array<std::byte, 1> any;
    return !room(any).empty();
}

std::span<std::byte> Transport::Tap::room(std::span<std::byte> shared) noexcept {
    const std::span<std::byte> memory = owner_.next_memory(shared);
    if (memory.empty()) owner_.stalled_ = true;
    return memory;
}

std::span<std::byte> Transport::next_memory(std::span<std::byte> shared) noexcept {
    if (!takes_bytes()) return {};
    if (buffered_ == nullptr) return received_.room(shared);
    return filled_ == 0 && received_.empty() ? memory_ : std::span<std::byte>();
}

void Transport::Tap::received(std::span<const std::byte> data) noexcept {
    if (data.empty() || owner_.is_closing()) return;
    if (!owner_.memory_.empty() && data.data() == owner_.memory_.data()) {
        owner_.filled_ = data.size();
    } else {
        try {
            owner_.received_.received(data);
        } catch (const std::bad_alloc&) {
            ended(uv::status::out_of_memory);
            return;
        }
    }
    owner_.queue_io();
}

void Transport::Tap::ended(int status) noexcept {
    if (owner_.loop().closed || owner_.ending() || std::exchange(owner_.ended_, true)) return;
    owner_.end_ = status;
    owner_.queue_io();
}

void Transport::Tap::progressed() noexcept {
    if (owner_.stream_->write_error() == 0) {
        if (owner_.stream_->write_queue_size() == 0) owner_.sending_ = false;
        if (!owner_.writing_paused() && !owner_.is_closing()) return;
    } else if (!owner_.sending_) {
        return;
    }
    owner_.queue_io();
}

void Transport::do_io() noexcept {
    if (takes_bytes()) {
        if (plain_ != nullptr)
            deliver();
        else
            deliver_buffered();
    }
    if (takes_bytes() && end_) deliver_end();
    if (reading_paused_ && lost_status_ < 0 && !ending()) write_lost(lost_status_);
    if (!ending() && (sending_ || writing_paused() || is_closing())) settle_writes();
    if (takes_bytes()) read_on();
}

void Transport::deliver() noexcept {
    if (received_.empty()) return;
    const std::span<const std::byte> data = received_.take();
    call("Fatal error: protocol.data_received() call failed.", [&] { plain_->data_received(data); });
    received_.recycle();
}

void Transport::deliver_buffered() noexcept {
    if (const std::size_t count = std::exchange(filled_, 0)) {
        memory_ = {};
        call("Fatal error: protocol.buffer_updated() call failed.",
             [&] { buffered_->buffer_updated(count); });
    }
    // What had come before the protocol was there.
    std::span<const std::byte> data = received_.take();
    while (!data.empty() && takes_bytes() && buffered_ != nullptr) {
        ask_for_memory(data.size());
        if (memory_.empty()) return;
        const std::size_t count = std::min(data.size(), memory_.size());
        std::memcpy(memory_.data(), data.data(), count);
        data = data.subspan(count);
        memory_ = {};
        call("Fatal error: protocol.buffer_updated() call failed.",
             [&] { buffered_->buffer_updated(count); });
    }
    received_.put_back(data);
}

void Transport::ask_for_memory(std::size_t hint) noexcept {
    call("Fatal error: protocol.get_buffer() call failed.", [&] {
        memory_ = buffered_->get_buffer(hint);
        if (memory_.empty()) throw RuntimeError("get_buffer() returned an empty buffer");
    });
}

void Transport::deliver_end() noexcept {
    const int status = *std::exchange(end_, std::nullopt);
    if (status < 0) {
        force_close(stream_->error_of(status, "read from"));
        return;
    }
    bool keep_open = false;
    call("Fatal error: protocol.eof_received() call failed.", [&] { keep_open = protocol_->eof_received(); });
    if (!keep_open) close();
}

void Transport::read_on() noexcept {
    if (ended_) return;
    if (buffered_ != nullptr && memory_.empty()) ask_for_memory(0);
    if (!takes_bytes() || !std::exchange(stalled_, false)) return;
    // A pipe that can only be written to refuses, and that is no error.
    static_cast<void>(stream_->start_reading());
}

void Transport::pause_reading() noexcept {
    reading_paused_ = true;
    if (lost_status_ < 0) queue_io();
}

void Transport::resume_reading() noexcept {
    if (std::exchange(reading_paused_, false) && !is_closing()) queue_io();
}

// ---- The protocol

void Transport::tell_made() { protocol_->connection_made(*this); }

void Transport::protocol_changed(BaseProtocol* protocol) noexcept {
    // Only those come here that `start` and `set_protocol` have been given.
    protocol_ = static_cast<StreamProtocol*>(protocol);
    plain_ = dynamic_cast<Protocol*>(protocol);
    buffered_ = dynamic_cast<BufferedProtocol*>(protocol);
    memory_ = {};
}

/// What has been read into the memory of a protocol that is replaced belongs to the next one.
void Transport::save_memory() {
    if (filled_ == 0) return;
    received_.received(std::span<const std::byte>(memory_).first(filled_));
    filled_ = 0;
}

void Transport::set_protocol(StreamProtocol& protocol) {
    save_memory();
    replace_protocol(protocol, nullptr);
    queue_io();
}

void Transport::set_protocol(std::unique_ptr<StreamProtocol> protocol) {
    if (!protocol) throw ValueError("set_protocol: there is no protocol");
    save_memory();
    StreamProtocol& next = *protocol;
    replace_protocol(next, std::move(protocol));
    queue_io();
}

StreamProtocol& Transport::get_protocol() const {
    if (protocol_ == nullptr) throw RuntimeError("get_protocol: this transport's connection is lost");
    return *protocol_;
}

// ---- The end

void Transport::close() noexcept {
    if (is_closing()) return;
    if (lost_status_ < 0) {
        force_close(stream_->error_of(lost_status_, "write to"));
        return;
    }
    set_closing();
    end_.reset();
    stream_->prepare_close();
    if (stream_->write_queue_size() != 0) sending_ = true;
    // A protocol that has been paused is told first that it no longer is.
    if (writing_paused() || write_failed())
        queue_io();
    else if (!sending_ || stream_->write_queue_size() == 0)
        end(nullptr);
}

void Transport::drop_below() noexcept { stream_->abort(); }

void Transport::close_below() noexcept { stream_->close(); }

} // namespace aio
