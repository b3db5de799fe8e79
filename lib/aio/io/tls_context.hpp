#pragma once

/// `TlsContext`: whom to trust, and how to prove who one is (`ssl.SSLContext`).
///
///     const aio::TlsContext trusting = aio::TlsContext::client();
///     auto [reader, writer] = co_await aio::open_connection("example.com", 443, aio::ConnectOptions().tls(trusting));
///
///     const aio::TlsContext context = aio::TlsContext::server("chain.pem", "key.pem");
///     auto server = co_await aio::start_server(handler, "", 8443, aio::ServerOptions().tls(context));
///
/// There when `AIO_HAVE_TLS` is set, which takes OpenSSL; the rest of the library knows nothing of that.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <aio/config.hpp>
#include <aio/core/clock.hpp>
#include <aio/io/tls_error.hpp>

#if AIO_HAVE_TLS

namespace aio {

enum class TlsVersion { v1_2, v1_3 };

/// What is asked of the peer's certificate.
enum class TlsVerify {
    none,     ///< Nothing: whoever answers is believed. For tests.
    optional, ///< A server asks its clients for one; they may have none, but not a wrong one.
    required, ///< There must be one that leads to somebody who is trusted.
};

namespace detail {

class TlsSettings;

/// The library's own way to what is behind a context.
class TlsAccess;

} // namespace detail

/// A handle: copies are the same context, which many connections share. It is set up before it is used; to
/// change one that is in use is a mistake that cannot be detected, because other loops may read it. The
/// functions throw `TlsError` with OpenSSL's reason, and `std::system_error` naming a file that cannot be
/// read. They read files at once, and a client's context all that the system trusts: make one and keep it.
class TlsContext {
public:
    /// Trusts whom the system trusts, insists on a certificate for the name that is connected to, and speaks
    /// TLS 1.2 or newer. A certificate is for the names and addresses that it lists (subjectAltName), where
    /// "*" may stand for the whole first label; that of its subject is not looked at (RFC 9525).
    [[nodiscard]] static TlsContext client();
    /// Shows the certificate chain of a PEM file, the own one first; `key_file` has the private key, and
    /// `password` is needed if that is encrypted. Asks clients for no certificate.
    [[nodiscard]] static TlsContext server(const std::string& chain_file, const std::string& key_file,
                                           std::string_view password = {});
    /// The same from texts in PEM format.
    [[nodiscard]] static TlsContext server_from_pem(std::string_view chain, std::string_view key,
                                                    std::string_view password = {});

    // Copies only, so that one that was moved from is still a context.
    TlsContext(const TlsContext&) = default;
    TlsContext& operator=(const TlsContext&) = default;
    ~TlsContext() = default;

    /// Trusts these certificates as well, and what they have signed: for a server, those that sign its
    /// clients'.
    TlsContext& trust_file(const std::string& pem_file);
    TlsContext& trust_pem(std::string_view pem);
    /// What a client shows to servers that ask for it.
    TlsContext& certificate_files(const std::string& chain_file, const std::string& key_file,
                                  std::string_view password = {});
    TlsContext& certificate_pem(std::string_view chain, std::string_view key, std::string_view password = {});
    TlsContext& verify(TlsVerify what);
    /// Off: any name in the certificate will do, as long as it is signed by somebody who is trusted.
    TlsContext& check_hostname(bool on);
    TlsContext& minimum_version(TlsVersion version);
    /// How long a connection that is closed waits, once everything has been sent, for the peer to end it as
    /// well, after which it is closed all the same; 30 seconds unless this says otherwise
    /// (`ssl_shutdown_timeout` in asyncio). With 0 it is closed at once, and the peer may lose what is on its
    /// way to it: the system resets connections over bytes that nobody has read, and servers of TLS 1.3 send
    /// some of their own accord. Throws `ValueError` if negative.
    template <class Rep, class Period>
    TlsContext& shutdown_timeout(std::chrono::duration<Rep, Period> timeout) {
        return set_shutdown_timeout(detail::to_duration(timeout));
    }
    /// The protocols that are spoken above TLS, the preferred one first ("h2", "http/1.1"). A server chooses
    /// by its own preference; without a common one the connection is made without any. Throws `ValueError` if
    /// one is empty or longer than 255 bytes.
    TlsContext& alpn(const std::vector<std::string>& protocols);
    /// A server receives clients that ask for this name by `context`, in all that it says: certificate, whom
    /// it trusts and asks for a certificate, versions, protocols. A session of another name is not taken up
    /// again there. Throws `ValueError` for an empty name, for clients' contexts, and if `context` has names
    /// of its own.
    TlsContext& for_server_name(const std::string& name, const TlsContext& context);

    [[nodiscard]] bool is_server() const noexcept;

private:
    friend detail::TlsAccess;
    explicit TlsContext(std::shared_ptr<detail::TlsSettings> settings) noexcept;
    TlsContext& set_shutdown_timeout(Duration timeout);
    std::shared_ptr<detail::TlsSettings> settings_;
};

} // namespace aio

#endif
