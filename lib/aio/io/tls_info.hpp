#pragma once

/// `TlsInfo`: what the two ends of a TLS connection have agreed on.

#include <string>

namespace aio {

struct TlsInfo {
    std::string version;  ///< "TLSv1.3"
    std::string cipher;   ///< OpenSSL's name for it
    std::string protocol; ///< chosen by ALPN ("h2"); empty if none was
    /// The name that the client has asked for; empty if it has not.
    std::string server_name;
    /// The peer's certificate in PEM format, and for whom it is and by whom; all empty if it has shown none.
    std::string peer_certificate;
    std::string peer_subject;
    std::string peer_issuer;
};

} // namespace aio
