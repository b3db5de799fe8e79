#pragma once

/// What TLS throws besides the system's errors.

#include <string>
#include <system_error>

namespace aio {

/// A TLS connection cannot be made, or has broken (`ssl.SSLError`). Its code is that of std::errc's
/// `protocol_error`, or `connection_aborted` when the peer has ended the connection without saying so by TLS:
/// then nobody can know whether that was all that it had to say.
class TlsError : public std::system_error {
public:
    TlsError(std::errc code, const std::string& what) : system_error(std::make_error_code(code), what) {}
};

/// The peer's certificate does not prove that it is who it should be (`ssl.SSLCertVerificationError`).
class TlsCertificateError final : public TlsError {
public:
    explicit TlsCertificateError(const std::string& what) : TlsError(std::errc::protocol_error, what) {}
};

} // namespace aio
