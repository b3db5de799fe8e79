#pragma once

/// What is behind a `TlsContext`.

#include <openssl/ssl.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/clock.hpp>
#include <aio/io/tls_context.hpp>

namespace aio::detail {

class TlsSettings {
public:
    explicit TlsSettings(bool is_server);

    const bool server;
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context;
    bool check_hostname = true;
    Duration shutdown_timeout = std::chrono::seconds(30);
    /// As they go over the wire.
    std::vector<unsigned char> protocols;
    /// Names in small letters.
    std::map<std::string, std::shared_ptr<TlsSettings>> by_name;
};

class TlsAccess {
public:
    [[nodiscard]] static const std::shared_ptr<TlsSettings>& settings(const TlsContext& context) noexcept {
        return context.settings_;
    }
    [[nodiscard]] static TlsContext make(bool server) {
        return TlsContext(std::make_shared<TlsSettings>(server));
    }
};

/// What OpenSSL has to say about the last thing that went wrong in this thread; forgets it.
[[nodiscard]] std::string take_tls_reason();

} // namespace aio::detail
