#include <aio/io/tls_context.hpp>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
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

void require(long result, const std::string& what) {
    if (result != 1) fail(what);
}

Bio open_pem(std::string_view text) {
    Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
    if (!bio) throw std::bad_alloc();
    return bio;
}

/// A text that leaves no copy behind.
class Secret {
public:
    Secret() = default;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { OPENSSL_cleanse(text.data(), text.size()); }
    std::string text;
};

void read_text(const std::string& path, std::string& text) {
    std::ifstream file;
    // Without a buffer of its own, which would be a copy; and none is left behind by a text that grows.
    file.rdbuf()->pubsetbuf(nullptr, 0);
    errno = 0;
    file.open(path, std::ios::binary | std::ios::ate);
    const auto size = file.is_open() ? static_cast<std::streamoff>(file.tellg()) : -1;
    constexpr std::streamoff most = 64 << 20;
    if (size > most) errno = EFBIG;
    if (size >= 0 && size <= most) {
        text.resize(static_cast<std::size_t>(size));
        file.seekg(0);
        file.read(text.data(), size);
    }
    if (size < 0 || size > most || !file)
        throw std::system_error(errno != 0 ? errno : EIO, std::generic_category(), "read " + path);
}

/// What OpenSSL asks when a text is encrypted: without this it would ask at the terminal.
class Password {
public:
    explicit Password(std::string_view text) noexcept : text_(text) {}
    static int give(char* memory, int size, int, void* self) noexcept {
        auto& password = *static_cast<Password*>(self);
        password.missing_ = password.text_.empty();
        if (password.missing_ || password.text_.size() > static_cast<std::size_t>(size)) return -1;
        std::ranges::copy(password.text_, memory);
        return static_cast<int>(password.text_.size());
    }
    [[nodiscard]] bool missing() const noexcept { return missing_; }

private:
    std::string_view text_;
    bool missing_ = false;
};

/// Calls `use` with each certificate of the text. Throws if there is none, or one that cannot be read.
template <class Use>
void for_each_certificate(std::string_view pem, const std::string& what, Use use) {
    const Bio bio = open_pem(pem);
    Password none("");
    ERR_clear_error();
    int count = 0;
    while (const Certificate certificate{PEM_read_bio_X509(bio.get(), nullptr, &Password::give, &none),
                                         &X509_free}) {
        use(certificate.get());
        ++count;
    }
    // The end of the text is an error, too.
    const unsigned long error = ERR_peek_last_error();
    const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    if (!at_end) fail(what);
    if (count == 0) fail(what + ": no certificate in PEM format");
    ERR_clear_error();
}

void use_chain(SSL_CTX& context, std::string_view chain, const std::string& what) {
    bool first = true;
    for_each_certificate(chain, what, [&](X509* certificate) {
        if (std::exchange(first, false)) {
            require(SSL_CTX_use_certificate(&context, certificate), what);
            // That of a certificate whose place this one takes.
            require(SSL_CTX_clear_chain_certs(&context), what);
        } else {
            require(SSL_CTX_add1_chain_cert(&context, certificate) == 1 ? 1 : 0, what);
        }
    });
}

void use_key(SSL_CTX& context, std::string_view pem, std::string_view password_text,
             const std::string& what) {
    Password password(password_text);
    const Bio bio = open_pem(pem);
    ERR_clear_error();
    const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &Password::give, &password), &EVP_PKEY_free);
    if (!key && password.missing()) {
        ERR_clear_error();
        throw TlsError(std::errc::invalid_argument, what + " is encrypted, and there is no password for it");
    }
    if (!key) fail(what);
    require(SSL_CTX_use_PrivateKey(&context, key.get()), what);
    require(SSL_CTX_check_private_key(&context), what + " does not belong to the certificate");
}

void trust(TlsSettings& settings, std::string_view pem, const std::string& what) {
    SSL_CTX* const context = settings.context.get();
    for_each_certificate(pem, what, [&](X509* certificate) {
        require(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate), what);
        // So that a client with several certificates knows which one to show.
        if (settings.server) require(SSL_CTX_add_client_CA(context, certificate), what);
    });
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

std::string lower(std::string name) {
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return name;
}

/// What the client asks for, as RFC 6066 writes it: a list with its length, in which each name has a type and
/// a length. Nobody sends more than one.
std::string name_asked_for(SSL* connection) {
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(connection, TLSEXT_TYPE_server_name, &data, &size) != 1 || size < 5)
        return {};
    const std::size_t length = std::size_t{256} * data[3] + data[4];
    if (data[2] != TLSEXT_NAMETYPE_host_name || length > size - 5) return {};
    return lower(std::string(reinterpret_cast<const char*>(data + 5), length));
}

/// Before anything else is decided, sessions that are taken up again above all: a client must not get past
/// what one name asks for by a session that it has from another.
int choose_context(SSL* connection, int* alert, void* argument) noexcept {
    const auto& by_name = static_cast<const TlsSettings*>(argument)->by_name;
    if (by_name.empty()) return SSL_CLIENT_HELLO_SUCCESS;
    try {
        const auto found = by_name.find(name_asked_for(connection));
        if (found == by_name.end()) return SSL_CLIENT_HELLO_SUCCESS;
        SSL_CTX* const chosen = found->second->context.get();
        SSL_set_verify(connection, SSL_CTX_get_verify_mode(chosen), nullptr);
        if (SSL_set_SSL_CTX(connection, chosen) != nullptr &&
            SSL_set_min_proto_version(connection, static_cast<int>(SSL_CTX_get_min_proto_version(chosen))) ==
                1)
            return SSL_CLIENT_HELLO_SUCCESS;
    } catch (const std::bad_alloc&) {
        // As any other lack.
    }
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

/// The choice has been made already; this tells the client that its name has been heard.
int acknowledge_name(SSL*, int*, void*) noexcept { return SSL_TLSEXT_ERR_OK; }

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
    // Whoever is trusted is so as well when he has been signed by somebody else.
    require(X509_STORE_set_flags(SSL_CTX_get_cert_store(ssl), X509_V_FLAG_PARTIAL_CHAIN), "a TLS context");
    if (!is_server) return;
    // Sessions are those of this context alone.
    std::array<unsigned char, 16> session_context;
    require(RAND_bytes(session_context.data(), static_cast<int>(session_context.size())), "a TLS context");
    require(SSL_CTX_set_session_id_context(ssl, session_context.data(),
                                           static_cast<unsigned>(session_context.size())),
            "a TLS context");
    SSL_CTX_set_client_hello_cb(ssl, &choose_context, this);
    SSL_CTX_set_tlsext_servername_callback(ssl, &acknowledge_name);
}

} // namespace detail

using detail::TlsAccess;

TlsContext::TlsContext(std::shared_ptr<detail::TlsSettings> settings) noexcept
    : settings_(std::move(settings)) {}

TlsContext TlsContext::client() {
    TlsContext context = TlsAccess::make(false);
    detail::require(SSL_CTX_set_default_verify_paths(context.settings_->context.get()),
                    "the certificates that the system trusts");
#ifdef _WIN32
    // Windows has them elsewhere; where, OpenSSL knows since 3.2.
    static_cast<void>(SSL_CTX_load_verify_store(context.settings_->context.get(), "org.openssl.winstore://"));
    ERR_clear_error();
#endif
    return context;
}

TlsContext TlsContext::server(const std::string& chain_file, const std::string& key_file,
                              std::string_view password) {
    TlsContext context = TlsAccess::make(true);
    context.certificate_files(chain_file, key_file, password);
    return context;
}

TlsContext TlsContext::server_from_pem(std::string_view chain, std::string_view key,
                                       std::string_view password) {
    TlsContext context = TlsAccess::make(true);
    context.certificate_pem(chain, key, password);
    return context;
}

TlsContext& TlsContext::trust_file(const std::string& pem_file) {
    std::string pem;
    detail::read_text(pem_file, pem);
    detail::trust(*settings_, pem, "the certificates to trust in " + pem_file);
    return *this;
}

TlsContext& TlsContext::trust_pem(std::string_view pem) {
    detail::trust(*settings_, pem, "the certificates to trust");
    return *this;
}

TlsContext& TlsContext::certificate_files(const std::string& chain_file, const std::string& key_file,
                                          std::string_view password) {
    std::string chain;
    detail::Secret key;
    detail::read_text(chain_file, chain);
    detail::read_text(key_file, key.text);
    detail::use_chain(*settings_->context, chain, "the certificate chain in " + chain_file);
    detail::use_key(*settings_->context, key.text, password, "the private key in " + key_file);
    return *this;
}

TlsContext& TlsContext::certificate_pem(std::string_view chain, std::string_view key,
                                        std::string_view password) {
    detail::use_chain(*settings_->context, chain, "the certificate chain");
    detail::use_key(*settings_->context, key, password, "the private key");
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

TlsContext& TlsContext::set_shutdown_timeout(Duration timeout) {
    if (timeout < Duration::zero())
        throw ValueError("TlsContext::shutdown_timeout: a connection cannot wait a negative time");
    settings_->shutdown_timeout = timeout;
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
    if (name.empty()) throw ValueError("TlsContext::for_server_name: the name is empty");
    // It would keep itself alive; and that is how it receives everybody anyway.
    if (context.settings_ == settings_) return *this;
    if (!context.settings_->by_name.empty())
        throw ValueError("TlsContext::for_server_name: the context for '" + name +
                         "' has contexts for names itself");
    settings_->by_name.insert_or_assign(detail::lower(name), context.settings_);
    return *this;
}

bool TlsContext::is_server() const noexcept { return settings_->server; }

} // namespace aio
