#pragma once

/// `Protocol`, `BufferedProtocol`: a connection as callbacks (`asyncio.Protocol`), for code that comes from
/// there, and for servers that answer at once and want nothing between them and the bytes.
///
///     class Echo final : public aio::Protocol {
///     public:
///         void connection_made(aio::Transport& transport) override { transport_ = &transport; }
///         void data_received(std::span<const std::byte> data) override { transport_->write(data); }
///
///     private:
///         aio::Transport* transport_ = nullptr;
///     };
///
///     aio::Server server = co_await aio::create_server([] { return std::make_unique<Echo>(); }, "", 8000);
///
/// The callbacks of one connection come in this order: `connection_made` once; what has been received, as
/// often as something comes; `eof_received` at most once; `connection_lost` once, and last. Each is called
/// from the loop, like a function given to `call_soon`, never from inside a call of the transport; only
/// `pause_writing` comes from inside the write that goes beyond the mark, as in asyncio. They run in the
/// context in which the transport was made. When the loop is closed with the connection open nothing is
/// called any more.
///
/// What a callback throws goes to the loop's exception handler. If it comes from one that takes what has been
/// received the connection is lost, with that exception.

#include <cstddef>
#include <exception>
#include <span>

namespace aio {

class Transport;

namespace detail {
class ProtocolUser;
}

/// What all protocols have. A transport either owns its protocol, or uses one of the program's: see
/// `create_connection`. A protocol that is destroyed while a transport uses it aborts that connection.
class BaseProtocol {
public:
    virtual ~BaseProtocol();
    BaseProtocol(const BaseProtocol&) = delete;
    BaseProtocol& operator=(const BaseProtocol&) = delete;

    /// The connection is over: null after `close`, `abort` or the end of the stream, or what it has broken
    /// with. The transport takes no more calls but those that ask it something.
    virtual void connection_lost(std::exception_ptr error);
    /// More than the high-water mark waits to be sent: better write no more until `resume_writing`.
    virtual void pause_writing();
    /// No more than the low-water mark waits. Comes only after `pause_writing`, once for each.
    virtual void resume_writing();

protected:
    BaseProtocol() = default;

private:
    friend detail::ProtocolUser;
    detail::ProtocolUser* user_ = nullptr;
};

/// What protocols of connected streams have.
class StreamProtocol : public BaseProtocol {
public:
    /// The connection is there. The transport is valid until `connection_lost` has returned.
    virtual void connection_made(Transport& transport);
    /// The peer sends no more. True: the connection stays open to write to; false, as if not overridden:
    /// closes the transport, which still sends what has been written.
    virtual bool eof_received();

private:
    friend class Protocol;
    friend class BufferedProtocol;
    StreamProtocol() = default;
};

/// Is given what comes.
class Protocol : public StreamProtocol {
public:
    /// Bytes have come: at least one, and in pieces that mean nothing. They are gone when this returns.
    virtual void data_received(std::span<const std::byte> data);

protected:
    Protocol() = default;
};

/// Has what comes read into memory of its own, without a copy (`asyncio.BufferedProtocol`).
class BufferedProtocol : public StreamProtocol {
public:
    /// Gives memory for the bytes that come next; no memory at all is an error that loses the connection.
    /// `size_hint` says how much could be used, 0 if that is not known. The memory must stay until
    /// `buffer_updated`, another call of this, or `connection_lost`. While nothing comes it waits here; more
    /// than is expected is best, because a read that fills it exactly is followed by another.
    virtual std::span<std::byte> get_buffer(std::size_t size_hint) = 0;
    /// So many bytes, at least one, have been put at the start of the memory that `get_buffer` gave last.
    virtual void buffer_updated(std::size_t count) = 0;

protected:
    BufferedProtocol() = default;
};

namespace detail {

/// Whoever calls a protocol. It has one protocol at most, and a protocol has one user at most.
class ProtocolUser {
public:
    ProtocolUser(const ProtocolUser&) = delete;
    ProtocolUser& operator=(const ProtocolUser&) = delete;
    /// The protocol is being destroyed.
    virtual void protocol_gone() noexcept = 0;

protected:
    ProtocolUser() = default;
    ~ProtocolUser() = default;

    /// Throws `RuntimeError` if it has another user.
    void attach(BaseProtocol& protocol);
    static void detach(BaseProtocol& protocol) noexcept { protocol.user_ = nullptr; }
};

} // namespace detail
} // namespace aio
