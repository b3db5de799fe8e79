#pragma once

/// `open_connection`, `open_unix_connection`: a connection as reader and writer (`asyncio.open_connection`).
///
///     auto [reader, writer] = co_await aio::open_connection("example.com", 80);
///
/// A name may stand for many addresses, of which some do not answer. They are tried in the order in which the
/// system gives them, the two families by turns: the next one when an attempt has failed, or has had a
/// quarter of a second for itself; the first connection wins, and the other attempts are given up ("Happy
/// Eyeballs", RFC 8305).

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <aio/config.hpp>
#include <aio/core/clock.hpp>
#include <aio/core/coro.hpp>
#include <aio/io/dns.hpp>
#include <aio/io/stream_connection.hpp>
#if AIO_HAVE_TLS
#include <aio/io/tls_stream.hpp>
#endif

namespace aio {

/// How a connection is made.
class ConnectOptions {
public:
    /// Only addresses of this family.
    ConnectOptions& family(AddressFamily f) noexcept { return family_ = f, *this; }
    /// The local address to connect from; its port may be 0. Addresses of the other family are not tried.
    ConnectOptions& local_address(const Address& address) noexcept { return local_address_ = address, *this; }
    /// How long an attempt has for itself; `std::nullopt`: until it fails.
    template <class Rep, class Period>
    ConnectOptions& happy_eyeballs_delay(std::chrono::duration<Rep, Period> delay) {
        return happy_eyeballs_delay_ = detail::to_duration(delay), *this;
    }
    ConnectOptions& happy_eyeballs_delay(std::nullopt_t) noexcept {
        return happy_eyeballs_delay_.reset(), *this;
    }
    /// When all attempts fail: an `ExceptionGroup` of their errors, instead of one error that tells of all.
    ConnectOptions& all_errors(bool on) noexcept { return all_errors_ = on, *this; }
    /// The limit of the reader: see `StreamReader`.
    ConnectOptions& limit(std::size_t bytes) noexcept { return limit_ = bytes, *this; }

#if AIO_HAVE_TLS
    /// Encrypts the connection. The certificate has to be for `server_hostname`, or without one for the host
    /// that is connected to.
    ConnectOptions& tls(const TlsContext& context) { return tls_ = context, *this; }
    ConnectOptions& server_hostname(std::string name) { return server_hostname_ = std::move(name), *this; }
    /// A minute, unless something else is said.
    template <class Rep, class Period>
    ConnectOptions& tls_handshake_timeout(std::chrono::duration<Rep, Period> timeout) {
        return tls_handshake_timeout_ = detail::to_duration(timeout), *this;
    }
#endif

    ConnectOptions() noexcept = default;
    [[nodiscard]] AddressFamily family() const noexcept { return family_; }
    [[nodiscard]] const std::optional<Address>& local_address() const noexcept { return local_address_; }
    [[nodiscard]] std::optional<Duration> happy_eyeballs_delay() const noexcept {
        return happy_eyeballs_delay_;
    }
    [[nodiscard]] bool all_errors() const noexcept { return all_errors_; }
    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
#if AIO_HAVE_TLS
    [[nodiscard]] const std::optional<TlsContext>& tls() const noexcept { return tls_; }
    [[nodiscard]] const std::string& server_hostname() const noexcept { return server_hostname_; }
    [[nodiscard]] Duration tls_handshake_timeout() const noexcept { return tls_handshake_timeout_; }
#endif

private:
    AddressFamily family_ = AddressFamily::any;
    std::optional<Address> local_address_;
    std::optional<Duration> happy_eyeballs_delay_ = std::chrono::milliseconds(250);
    bool all_errors_ = false;
    std::size_t limit_ = StreamReader::default_limit;
#if AIO_HAVE_TLS
    std::optional<TlsContext> tls_;
    std::string server_hostname_;
    Duration tls_handshake_timeout_ = default_tls_handshake_timeout;
#endif
};

/// Connects to a host, a name or an address in figures. There is no limit of time but the system's: use
/// `wait_for` or `with_timeout`. Cancelling gives up all attempts; a connection that is there already is
/// returned.
///
/// With TLS, throws what `TlsStream::client` does, and the handshake has its own limit of time.
///
/// Throws `GaiError` if the name cannot be resolved; if no attempt succeeds, `std::system_error`: that of the
/// only attempt, or one with the code of the first and the texts of all.
[[nodiscard]] Coro<StreamConnection> open_connection(std::string host, std::uint16_t port,
                                                     ConnectOptions options = ConnectOptions());
/// The same to any of these addresses, in this order.
[[nodiscard]] Coro<StreamConnection> open_connection(std::vector<Address> addresses,
                                                     ConnectOptions options = ConnectOptions());

/// Connects to a Unix domain socket, or on Linux to the abstract name after a first byte 0. Waits while the
/// server's backlog is full. Throws `std::system_error` naming the path: always on Windows (not_supported).
[[nodiscard]] Coro<StreamConnection> open_unix_connection(std::string path,
                                                          std::size_t limit = StreamReader::default_limit);
/// The same with the options that are not about addresses. With TLS, `server_hostname` has to be given,
/// unless the context does not check it.
[[nodiscard]] Coro<StreamConnection> open_unix_connection(std::string path, ConnectOptions options);

namespace detail {

/// The addresses with the families by turns, beginning with that of the first.
[[nodiscard]] std::vector<Address> interleave(const std::vector<Address>& addresses);

} // namespace detail
} // namespace aio
