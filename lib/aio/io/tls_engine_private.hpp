#pragma once

/// `TlsEngine`: one TLS connection without input and output. Bytes of the network go in and come out as bytes
/// of memory, so that it does not matter where they come from and when.

#include <openssl/ssl.h>

#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <string>

#include <aio/io/tls_info.hpp>
#include <aio/io/tls_settings_private.hpp>
#include <aio/io/tls_wire_private.hpp>

namespace aio::detail {

enum class TlsStep {
    done,
    needs_input, ///< Nothing has been done, and nothing can be, before the peer has sent more.
    ended,       ///< The peer has said that it sends no more.
    failed,      ///< See `error`.
};

class TlsEngine {
public:
    /// `host` is the server that is connected to: a name, or an address in figures. Empty for servers, and
    /// for clients that connect to nothing that has a name. Throws `TlsError`.
    TlsEngine(std::shared_ptr<TlsSettings> settings, const std::string& host);

    /// Takes in what the network has brought. Throws `std::bad_alloc`.
    void feed(std::span<const std::byte> input) { wire_->bring(input); }
    /// What is to go to the network. Valid until something else is called here.
    [[nodiscard]] std::span<const std::byte> output() const noexcept { return wire_->output(); }
    void discard_output() noexcept { wire_->discard_output(); }

    [[nodiscard]] TlsStep handshake() noexcept;
    /// Gives at least one byte of plain text with `done`.
    [[nodiscard]] TlsStep read(std::span<std::byte> memory, std::size_t& count) noexcept;
    /// Takes all of it with `done`. Needs input when the peer is in the middle of a message about the
    /// connection itself: keys, or tickets; then it has to be called again with the same bytes.
    [[nodiscard]] TlsStep write(std::span<const std::byte> data) noexcept;
    /// Says that nothing more will be sent. Needs input when `write` would, and in the handshake.
    [[nodiscard]] TlsStep end_writing() noexcept;
    /// That has been said. What the engine still makes, as answers to new keys, is not to be sent.
    [[nodiscard]] bool has_ended_writing() const noexcept { return write_ended_; }

    [[nodiscard]] bool is_server() const noexcept { return settings_->server; }
    [[nodiscard]] Duration shutdown_timeout() const noexcept { return settings_->shutdown_timeout; }
    /// Whom a client connects to, as the certificate has to say it; empty if that is not known.
    [[nodiscard]] const std::string& host() const noexcept { return host_; }
    /// Why a step has failed. `what` begins the text.
    [[nodiscard]] std::exception_ptr error(const std::string& what) const;
    [[nodiscard]] TlsInfo info() const;

private:
    void connect_to(const std::string& host);
    [[nodiscard]] TlsStep step_of(int result) noexcept;

    std::shared_ptr<TlsSettings> settings_;
    std::unique_ptr<TlsWire> wire_;
    std::unique_ptr<SSL, decltype(&SSL_free)> connection_;
    std::string host_;
    std::string reason_;
    bool certificate_refused_ = false;
    /// The first handshake is over.
    bool shaken_ = false;
    bool write_ended_ = false;
};

} // namespace aio::detail
