#pragma once

/// Certificates for tests, made when they are needed.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <aio/io/tls_stream.hpp>
#include <aio/structure/gather.hpp>
#include <aio/testing/memory_stream.hpp>

namespace io_test {

/// A certificate and its key.
class Identity {
public:
    /// For a server called `name` (a DNS name, "IP:127.0.0.1", or "CN:..." for one that only its subject
    /// says), signed by `issuer`, or by itself. It is good for a day that begins `days` days from now.
    /// Without a name, it signs others.
    explicit Identity(const std::string& name, const Identity* issuer = nullptr, int days = 0)
        : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free), certificate_(X509_new(), &X509_free) {
        static long serial = 0;
        X509* const x = certificate_.get();
        X509_set_version(x, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
        constexpr long day = 24 * 60 * 60;
        X509_gmtime_adj(X509_getm_notBefore(x), days * day - 60);
        X509_gmtime_adj(X509_getm_notAfter(x), (days + 1) * day);
        X509_set_pubkey(x, key_.get());
        const bool in_subject = name.starts_with("CN:");
        const std::string subject = name.empty() ? "test authority" : in_subject ? name.substr(3) : name;
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
        const Identity& signer = issuer == nullptr ? *this : *issuer;
        X509_set_issuer_name(x, X509_get_subject_name(signer.certificate_.get()));
        if (name.empty())
            extend(NID_basic_constraints, "critical,CA:TRUE");
        else if (!in_subject)
            extend(NID_subject_alt_name, name.find(':') == std::string::npos ? "DNS:" + name : name);
        if (X509_sign(x, signer.key_.get(), EVP_sha256()) == 0) throw std::runtime_error("no certificate");
    }

    [[nodiscard]] std::string certificate() const {
        return text([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate_.get()); });
    }
    [[nodiscard]] std::string key() const {
        return text([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
        });
    }

    /// The key with a password on it.
    [[nodiscard]] std::string locked_key(const std::string& password) const {
        return text([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key_.get(), EVP_aes_256_cbc(),
                                            reinterpret_cast<const unsigned char*>(password.data()),
                                            static_cast<int>(password.size()), nullptr, nullptr);
        });
    }
    void use_in(SSL_CTX* context) const {
        if (SSL_CTX_use_certificate(context, certificate_.get()) != 1 ||
            SSL_CTX_use_PrivateKey(context, key_.get()) != 1)
            throw std::runtime_error("the identity is of no use");
    }

private:
    void extend(int kind, const std::string& value) {
        const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
            X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()), &X509_EXTENSION_free);
        if (!extension) throw std::runtime_error("no extension " + value);
        X509_add_ext(certificate_.get(), extension.get(), -1);
    }
    template <class Write>
    static std::string text(Write write) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
        if (write(bio.get()) != 1) throw std::runtime_error("no PEM");
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio.get(), &data);
        return std::string(data, static_cast<std::size_t>(size));
    }

    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
    std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

/// Whom the tests trust.
inline const Identity& authority() {
    static const Identity identity("");
    return identity;
}
/// A server that is called "test.example".
inline const Identity& example() {
    static const Identity identity("test.example", &authority());
    return identity;
}

inline aio::TlsContext client_context() {
    aio::TlsContext context = aio::TlsContext::client();
    context.trust_pem(authority().certificate());
    return context;
}
inline aio::TlsContext server_context(const Identity& identity = example()) {
    return aio::TlsContext::server_from_pem(identity.certificate(), identity.key());
}

/// Both ends of a connection.
struct TlsPair {
    aio::TlsStream client;
    aio::TlsStream server;
};

/// Connects them over two ends in memory.
inline aio::Coro<TlsPair> shake_hands(std::pair<aio::testing::MemoryStream, aio::testing::MemoryStream> ends,
                                      aio::TlsContext client, aio::TlsContext server,
                                      std::string name = "test.example") {
    auto accepting = aio::create_task(aio::TlsStream::server(std::move(ends.second), std::move(server)));
    aio::TlsStream connected =
        co_await aio::TlsStream::client(std::move(ends.first), std::move(client), std::move(name));
    aio::TlsStream accepted = co_await std::move(accepting);
    co_return TlsPair{std::move(connected), std::move(accepted)};
}

inline aio::Coro<TlsPair>
shake_hands(const aio::testing::MemoryStreamOptions& options = aio::testing::MemoryStreamOptions()) {
    return shake_hands(aio::testing::MemoryStream::pair(options), client_context(), server_context());
}

} // namespace io_test
