#include <aio/io/tls_context.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <new>
#include <system_error>

#include <aio/core/errors.hpp>
#include <aio/io/tls_settings_private.hpp>

namespace aio {
namespace detail {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

[[noreturn]] void fail(const std::string& what) {
    throw TlsError(std::errc::protocol_error, what + ": " + take_tls_reason());
}

void require(long result, const char* what) {
    if (result != 1) fail(what);
}

Bio open_pem(std::string_view text) {
    Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
    if (!bio) throw std::bad_alloc();
    return bio;
}

std::string read_text(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file.is_open() || file.bad())
        throw std::system_error(errno != 0 ? errno : EIO, std::generic_category(), "read " + path);
    return text;
}

/// Calls `use` with each certificate of the text. Throws if there is none, or one that cannot be read.
template <class Use>
void for_each_certificate(std::string_view pem, const char* what, Use use) {
    const Bio bio = open_pem(pem);
    int count = 0;
    while (
        const Certificate certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free}) {
        use(certificate.get());
        ++count;
    }
    // The end of the text is an error, too.
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (count == 0 || !at_end) fail(std::string(what) + ": no certificate in PEM format");
    ERR_clear_error();
}

void use_chain(SSL_CTX& context, std::string_view chain) {
    bool first = true;
    for_each_certificate(chain, "the certificate chain", [&](X509* certificate) {
        if (std::exchange(first, false))
            require(SSL_CTX_use_certificate(&context, certificate), "the certificate");
        else
            require(SSL_CTX_add1_chain_cert(&context, certificate) == 1 ? 1 : 0, "the certificate chain");
    });
}

void use_key(SSL_CTX& context, std::string_view pem) {
    // Nobody is there to be asked for a password.
    const auto no_password = [](char*, int, int, void*) { return -1; };
    const Bio bio = open_pem(pem);
    const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr), &EVP_PKEY_free);
    if (!key) fail("the private key");
    require(SSL_CTX_use_PrivateKey(&context, key.get()), "the private key");
    require(SSL_CTX_check_private_key(&context), "the private key does not belong to the certificate");
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned int offered_length, void* argument) {
    const auto& own = static_cast<const TlsSettings*>(argument)->protocols;
    unsigned char* found = nullptr;
    const int result = SSL_select_next_proto(&found, length, own.data(), static_cast<unsigned>(own.size()),
                                             offered, offered_length);
    if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

int choose_certificate(SSL* connection, int*, void* argument) {
    const auto& by_name = static_cast<const TlsSettings*>(argument)->by_name;
    const char* const name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
    if (const auto found = by_name.find(name); found != by_name.end())
        SSL_set_SSL_CTX(connection, found->second->context.get());
    return SSL_TLSEXT_ERR_OK;
}

} // namespace

std::string take_tls_reason() {
    const unsigned long error = ERR_peek_last_error();
    ERR_clear_error();
    if (error == 0) return "unknown reason";
    const char* const reason = ERR_reason_error_string(error);
    return reason != nullptr ? reason : "error " + std::to_string(error);
}

TlsSettings::TlsSettings(bool is_server)
    : server(is_server),
      context(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()), &SSL_CTX_free) {
    if (!context) fail("a TLS context");
    SSL_CTX* const ssl = context.get();
    require(SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION), "the TLS version");
    // Renegotiation has been a source of attacks only; buffers of idle connections are given back.
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(ssl, is_server ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    if (!is_server) return;
    static constexpr unsigned char session_context[] = "aiouv";
    SSL_CTX_set_session_id_context(ssl, session_context, sizeof session_context - 1);
    SSL_CTX_set_tlsext_servername_callback(ssl, &choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(ssl, this);
}

} // namespace detail

using detail::TlsAccess;

TlsContext::TlsContext(std::shared_ptr<detail::TlsSettings> settings) noexcept
    : settings_(std::move(settings)) {}

TlsContext TlsContext::client() {
    TlsContext context = TlsAccess::make(false);
    detail::require(SSL_CTX_set_default_verify_paths(context.settings_->context.get()),
                    "the certificates that the system trusts");
    return context;
}

TlsContext TlsContext::server(const std::string& chain_file, const std::string& key_file) {
    TlsContext context = TlsAccess::make(true);
    context.certificate_files(chain_file, key_file);
    return context;
}

TlsContext TlsContext::server_from_pem(std::string_view chain, std::string_view key) {
    TlsContext context = TlsAccess::make(true);
    context.certificate_pem(chain, key);
    return context;
}

TlsContext& TlsContext::trust_file(const std::string& pem_file) {
    return trust_pem(detail::read_text(pem_file));
}

TlsContext& TlsContext::trust_pem(std::string_view pem) {
    SSL_CTX* const context = settings_->context.get();
    detail::for_each_certificate(pem, "the certificates to trust", [&](X509* certificate) {
        detail::require(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate),
                        "a certificate to trust");
        // So that a client with several certificates knows which one to show.
        if (settings_->server) detail::require(SSL_CTX_add_client_CA(context, certificate), "a client's CA");
    });
    return *this;
}

TlsContext& TlsContext::certificate_files(const std::string& chain_file, const std::string& key_file) {
    return certificate_pem(detail::read_text(chain_file), detail::read_text(key_file));
}

TlsContext& TlsContext::certificate_pem(std::string_view chain, std::string_view key) {
    detail::use_chain(*settings_->context, chain);
    detail::use_key(*settings_->context, key);
    return *this;
}

TlsContext& TlsContext::verify(TlsVerify what) {
    int mode = SSL_VERIFY_NONE;
    if (what != TlsVerify::none) mode = SSL_VERIFY_PEER;
    if (what == TlsVerify::required) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(settings_->context.get(), mode, nullptr);
    return *this;
}

TlsContext& TlsContext::check_hostname(bool on) {
    settings_->check_hostname = on;
    return *this;
}

TlsContext& TlsContext::minimum_version(TlsVersion version) {
    detail::require(SSL_CTX_set_min_proto_version(settings_->context.get(), version == TlsVersion::v1_3
                                                                                ? TLS1_3_VERSION
                                                                                : TLS1_2_VERSION),
                    "the TLS version");
    return *this;
}

TlsContext& TlsContext::alpn(const std::vector<std::string>& protocols) {
    std::vector<unsigned char> wire;
    for (const std::string& protocol : protocols) {
        if (protocol.empty() || protocol.size() > 255)
            throw ValueError("TlsContext::alpn: the name of a protocol has from 1 to 255 bytes, not " +
                             std::to_string(protocol.size()));
        wire.push_back(static_cast<unsigned char>(protocol.size()));
        wire.insert(wire.end(), protocol.begin(), protocol.end());
    }
    SSL_CTX* const context = settings_->context.get();
    settings_->protocols = std::move(wire);
    const auto& own = settings_->protocols;
    if (settings_->server)
        SSL_CTX_set_alpn_select_cb(context, own.empty() ? nullptr : &detail::choose_protocol,
                                   settings_.get());
    else if (SSL_CTX_set_alpn_protos(context, own.data(), static_cast<unsigned>(own.size())) != 0)
        throw std::bad_alloc();
    return *this;
}

TlsContext& TlsContext::for_server_name(const std::string& name, const TlsContext& context) {
    if (!settings_->server || !context.settings_->server)
        throw ValueError("TlsContext::for_server_name is for servers");
    // It would keep itself alive; and its own certificate is what it shows anyway.
    if (context.settings_ != settings_) settings_->by_name.insert_or_assign(name, context.settings_);
    return *this;
}

bool TlsContext::is_server() const noexcept { return settings_->server; }

} // namespace aio
