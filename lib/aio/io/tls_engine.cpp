#include <aio/io/tls_engine_private.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <limits>
#include <new>
#include <system_error>
#include <utility>

#include <aio/uv/address.hpp>

namespace aio::detail {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

bool in_figures(const std::string& host) {
    try {
        static_cast<void>(uv::Address(host, 0));
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

std::string contents_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return std::string(data, static_cast<std::size_t>(size));
}

std::string text_of(const X509_NAME* name) {
    const Bio bio(BIO_new(BIO_s_mem()), &BIO_free);
    if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0)
        return {};
    return contents_of(bio.get());
}

} // namespace

TlsEngine::TlsEngine(std::shared_ptr<TlsSettings> settings, const std::string& host)
    : settings_(std::move(settings)),
      connection_(SSL_new(settings_->context.get()), &SSL_free),
      input_(BIO_new(BIO_s_mem())),
      output_(BIO_new(BIO_s_mem())) {
    if (!connection_ || input_ == nullptr || output_ == nullptr) {
        BIO_free(input_);
        BIO_free(output_);
        throw std::bad_alloc();
    }
    SSL* const ssl = connection_.get();
    SSL_set_bio(ssl, input_, output_);
    // An empty buffer is no end: more may come.
    BIO_set_mem_eof_return(input_, -1);
    if (settings_->server) {
        SSL_set_accept_state(ssl);
        return;
    }
    SSL_set_connect_state(ssl);
    const bool verifies = (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0 && settings_->check_hostname;
    if (host.empty()) {
        if (verifies)
            throw TlsError(std::errc::invalid_argument,
                           "TLS: the certificate cannot be checked without the server's name: give "
                           "server_hostname, or switch check_hostname off");
        return;
    }
    const bool address = in_figures(host);
    bool set = true;
    // Names only: RFC 6066 has no addresses.
    if (!address) set = SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
    if (verifies)
        set = set && (address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str())
                              : SSL_set1_host(ssl, host.c_str())) == 1;
    if (!set)
        throw TlsError(std::errc::invalid_argument,
                       "TLS: '" + host + "' is no name of a server: " + take_tls_reason());
}

void TlsEngine::feed(std::span<const std::byte> input) {
    if (input.empty()) return;
    const auto size = static_cast<int>(input.size());
    if (BIO_write(input_, input.data(), size) != size) throw std::bad_alloc();
}

std::span<const std::byte> TlsEngine::output() const noexcept {
    char* data = nullptr;
    const long size = BIO_get_mem_data(output_, &data);
    return std::as_bytes(std::span(data, size > 0 ? static_cast<std::size_t>(size) : 0));
}

void TlsEngine::discard_output() noexcept { static_cast<void>(BIO_reset(output_)); }

TlsStep TlsEngine::step_of(int result) noexcept {
    SSL* const ssl = connection_.get();
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_NONE: return TlsStep::done;
    case SSL_ERROR_WANT_READ: return TlsStep::needs_input;
    case SSL_ERROR_ZERO_RETURN: return TlsStep::ended;
    default: break;
    }
    try {
        reason_ = take_tls_reason();
        const bool verifies = (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0;
        if (const long verified = SSL_get_verify_result(ssl); verifies && verified != X509_V_OK) {
            certificate_refused_ = true;
            reason_ = X509_verify_cert_error_string(verified);
        }
    } catch (const std::bad_alloc&) {
        // Without the reason, then.
    }
    return TlsStep::failed;
}

TlsStep TlsEngine::handshake() noexcept {
    ERR_clear_error();
    return step_of(SSL_do_handshake(connection_.get()));
}

TlsStep TlsEngine::read(std::span<std::byte> memory, std::size_t& count) noexcept {
    ERR_clear_error();
    return step_of(SSL_read_ex(connection_.get(), memory.data(), memory.size(), &count));
}

TlsStep TlsEngine::write(std::span<const std::byte> data) noexcept {
    if (data.empty()) return TlsStep::done;
    ERR_clear_error();
    std::size_t count = 0;
    return step_of(SSL_write_ex(connection_.get(), data.data(), data.size(), &count));
}

void TlsEngine::end_writing() noexcept {
    if (std::exchange(write_ended_, true) || !SSL_is_init_finished(connection_.get())) return;
    ERR_clear_error();
    // Whether the peer has said the same is seen when its bytes are read.
    static_cast<void>(SSL_shutdown(connection_.get()));
    ERR_clear_error();
}

std::exception_ptr TlsEngine::error(const std::string& target) const {
    const std::string what = std::string(is_server() ? "TLS with a client at " : "TLS with ") + target + ": ";
    if (certificate_refused_)
        return std::make_exception_ptr(TlsCertificateError(what + "the certificate was refused: " + reason_));
    return std::make_exception_ptr(TlsError(std::errc::protocol_error, what + reason_));
}

TlsInfo TlsEngine::info() const {
    const SSL* const ssl = connection_.get();
    TlsInfo info;
    info.version = SSL_get_version(ssl);
    info.cipher = SSL_get_cipher_name(ssl);
    const unsigned char* protocol = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &length);
    if (length > 0) info.protocol.assign(reinterpret_cast<const char*>(protocol), length);
    if (const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) info.server_name = name;
    const std::unique_ptr<X509, decltype(&X509_free)> peer(SSL_get1_peer_certificate(ssl), &X509_free);
    if (!peer) return info;
    info.peer_subject = text_of(X509_get_subject_name(peer.get()));
    info.peer_issuer = text_of(X509_get_issuer_name(peer.get()));
    const Bio bio(BIO_new(BIO_s_mem()), &BIO_free);
    if (bio && PEM_write_bio_X509(bio.get(), peer.get()) == 1) info.peer_certificate = contents_of(bio.get());
    return info;
}

} // namespace aio::detail
