#pragma once

/// `Transport`: the connection that a protocol's bytes come from and go to (`asyncio.Transport`).
///
/// Any stream can carry it: TCP, pipes and Unix domain sockets, TLS, and `testing::MemoryStream`. It belongs
/// to its loop until `connection_lost` has been called, whoever else knows of it: dropping what
/// `create_connection` gives closes nothing. Its calls are for the thread of its loop.

#include <cstddef>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>

#include <aio/io/protocol.hpp>
#include <aio/io/receive_buffer.hpp>
#include <aio/io/served_connection.hpp>
#include <aio/io/stream.hpp>
#include <aio/io/tls_info.hpp>
#include <aio/io/transport_core.hpp>
#include <aio/uv/address.hpp>

namespace aio {

using Address = uv::Address;

/// A connection of a `Protocol` or a `BufferedProtocol`; made by `create_connection`, `create_server` and
/// their like.
class Transport final : private detail::TransportCore, private detail::ServedConnection {
public:
    // --- writing ---

    /// Sends bytes, in order, without waiting: what the system does not take at once is copied and sent in
    /// the background, however much that is (`pause_writing` tells). A connection that breaks is told to
    /// `connection_lost`, not here. After `close` or the end of the connection this does nothing; a protocol
    /// that does it again and again is reported. Throws `RuntimeError` after `write_eof`.
    void write(std::span<const std::byte> data);
    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
    /// The same for several pieces that belong together: texts, or vectors of bytes.
    template <std::ranges::input_range Range>
    void writelines(const Range& pieces) {
        std::string all;
        for (const auto& piece : pieces) {
            const auto bytes = std::as_bytes(std::span(piece));
            all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        }
        write(all);
    }
    /// Ends the write direction, once everything written has been sent: the peer reads the end of the stream
    /// and may still send. A pipe's end for writing is closed then. Does nothing the second time, and after
    /// `close`. Throws `std::system_error` (not_supported) where it is not possible.
    void write_eof();
    /// Whether `write_eof` is possible: not for terminals and other devices.
    [[nodiscard]] bool can_write_eof() const noexcept {
        return stream_->end_of_writing() != uv::EndOfWriting::impossible;
    }

    /// Sets the marks for `pause_writing` and `resume_writing`. Without a low one it is a quarter of the high
    /// one; without a high one that is four times the low one, or 64 KiB. Throws `ValueError` if the low mark
    /// is above the high one.
    void set_write_buffer_limits(std::optional<std::size_t> high = std::nullopt,
                                 std::optional<std::size_t> low = std::nullopt) {
        TransportCore::set_write_buffer_limits(high, low);
    }
    using TransportCore::get_write_buffer_limits;
    /// Bytes that wait to be sent.
    [[nodiscard]] std::size_t get_write_buffer_size() const noexcept { return queued(); }

    // --- reading ---

    /// The protocol is given nothing more, neither bytes nor the end of the stream, until `resume_reading`;
    /// so a peer that sends much is made to wait. Both do nothing the second time, and after `close`.
    void pause_reading() noexcept;
    void resume_reading() noexcept;
    [[nodiscard]] bool is_reading() const noexcept { return !is_closing() && !reading_paused_; }

    // --- the end ---

    /// Ends the connection, once everything written has been sent. Nothing more is received, and
    /// `connection_lost` comes at the end. A peer that never reads keeps it open: see `abort`.
    void close() noexcept;
    /// Ends the connection at once; what has not been sent is lost. `connection_lost` comes, from the loop.
    void abort() noexcept { force_close(nullptr); }
    using TransportCore::is_closing;

    // --- the protocol ---

    /// From now on another protocol is called, beginning with what has been received and not yet told;
    /// `connection_made` is not. The program's own object must stay until `connection_lost`. Throws
    /// `RuntimeError` if it belongs to another transport.
    void set_protocol(StreamProtocol& protocol);
    /// The transport owns it. One that it owned before lives on as long as the transport, because it may be
    /// what calls this.
    void set_protocol(std::unique_ptr<StreamProtocol> protocol);
    /// The present protocol. Throws `RuntimeError` when the connection is lost.
    [[nodiscard]] StreamProtocol& get_protocol() const;

    // --- where it leads (`get_extra_info` of asyncio) ---

    /// The address of the peer as it was when the transport was made; nothing where it has none, as for pipes
    /// and Unix domain sockets.
    [[nodiscard]] const std::optional<Address>& peername() const noexcept { return peer_; }
    /// The own address. Nothing when closed.
    [[nodiscard]] std::optional<Address> sockname() const { return stream_->local_address(); }
    /// The paths of a Unix domain socket: the peer's, empty for a client that has none, and the own one.
    /// Nothing for other streams, or when closed.
    [[nodiscard]] std::optional<std::string> unix_peername() const { return stream_->peer_path(); }
    [[nodiscard]] std::optional<std::string> unix_sockname() const { return stream_->local_path(); }
    /// What a TLS connection has agreed on; nothing for others.
    [[nodiscard]] std::optional<TlsInfo> tls_info() const {
        const TlsInfo* const info = stream_->tls_info();
        return info == nullptr ? std::nullopt : std::optional<TlsInfo>(*info);
    }
    /// The system's descriptor, which stays the transport's; -1 if there is none, or none any more.
    [[nodiscard]] int fileno() const noexcept { return stream_->descriptor(); }

    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    /// For the library: makes a transport of a stream, on the running loop. `owner` is told when it is
    /// closed.
    [[nodiscard]] static detail::Ref<Transport> start(Stream stream, StreamProtocol& protocol,
                                                      std::unique_ptr<StreamProtocol> owned,
                                                      detail::ConnectionOwner* owner = nullptr);
    /// For the library: as a server knows it.
    [[nodiscard]] detail::ServedConnection& served() noexcept { return *this; }
    using TransportCore::made;

private:
    friend detail::Ref<Transport>;

    explicit Transport(std::unique_ptr<detail::StreamState> stream);
    ~Transport() override;

    /// What the stream tells. It only stores that, and queues the transport.
    class Tap final : public detail::StreamTap {
    public:
        explicit Tap(Transport& owner) noexcept : owner_(owner) {}
        bool wants() noexcept override;
        std::span<std::byte> room(std::span<std::byte> shared) noexcept override;
        void received(std::span<const std::byte> data) noexcept override;
        void ended(int status) noexcept override;
        void progressed() noexcept override;

    private:
        Transport& owner_;
    };

    // TransportCore
    void tell_made() override;
    void do_io() noexcept override;
    void drop_below() noexcept override;
    void close_below() noexcept override;
    [[nodiscard]] std::size_t queued() const noexcept override;
    void protocol_changed(BaseProtocol* protocol) noexcept override;
    void finished() noexcept override { leave_owner(); }

    // ServedConnection
    void close_served() noexcept override { close(); }
    void abort_served() noexcept override { abort(); }

    [[nodiscard]] bool takes_bytes() const noexcept { return !is_closing() && !reading_paused_; }
    /// Bytes have been lost. A peer that has gone is no error as long as nothing is written to it.
    [[nodiscard]] bool write_failed() const noexcept { return sending_ && stream_->write_error() < 0; }
    /// What a write has failed with: where it ends the reading as well, what has come before is delivered
    /// first.
    void write_lost(int status) noexcept;
    [[nodiscard]] std::span<std::byte> next_memory(std::span<std::byte> shared) noexcept;
    void deliver() noexcept;
    void deliver_buffered() noexcept;
    void ask_for_memory(std::size_t hint) noexcept;
    void deliver_end() noexcept;
    void settle_writes() noexcept;
    void read_on() noexcept;
    void save_memory();

    /// Outlives the stream.
    Tap tap_{*this};
    std::unique_ptr<detail::StreamState> stream_;
    std::optional<Address> peer_;
    StreamProtocol* protocol_ = nullptr;
    Protocol* plain_ = nullptr;
    BufferedProtocol* buffered_ = nullptr;
    detail::ReceiveBuffer received_;
    /// What a `BufferedProtocol` has given, and how much of it has been filled.
    std::span<std::byte> memory_;
    std::size_t filled_ = 0;
    uv::Completion shut_down_{[](uv::Completion&, int) noexcept {}};
    /// How the stream has ended, until that is told.
    std::optional<int> end_;
    /// What a write has failed with, until the reading tells it.
    int lost_status_ = 0;
    bool ended_ = false;
    bool reading_paused_ = false;
    /// The stream has been told that there is no room.
    bool stalled_ = true;
    /// Bytes have been queued, and are not known to have gone.
    bool sending_ = false;
    bool eof_written_ = false;
};

} // namespace aio
