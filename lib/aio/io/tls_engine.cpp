#include <aio/io/tls_engine_private.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
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

/// An address of IPv6 without the interface that it is valid on, which no certificate knows.
std::string without_zone(const std::string& host) {
    std::string address = host.substr(0, host.find('%'));
    return address.size() < host.size() && in_figures(address) ? address : host;
}

bool is_ascii(const std::string& host) {
    return std::ranges::all_of(host, [](char c) { return c > ' ' && c < 127; });
}

/// To OpenSSL a name that begins with a dot stands for all names below it.
bool has_empty_label(const std::string& name) {
    return name.starts_with('.') || name.find("..") != std::string::npos;
}

std::string printable(std::string text) {
    std::ranges::replace_if(text, [](char c) { return c >= 0 && c < ' '; }, '?');
    return text;
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
      wire_(std::make_unique<TlsWire>()),
      connection_(SSL_new(settings_->context.get()), &SSL_free) {
    if (!connection_) throw std::bad_alloc();
    SSL* const ssl = connection_.get();
    // One for both directions, which the connection owns from here on.
    BIO* const bio = wire_->bio().release();
    SSL_set_bio(ssl, bio, bio);
    if (settings_->server) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
        connect_to(host);
    }
}

void TlsEngine::connect_to(const std::string& host) {
    SSL* const ssl = connection_.get();
    const bool verifies = (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0 && settings_->check_hostname;
    if (host.empty()) {
        if (verifies)
            throw TlsError(std::errc::invalid_argument,
                           "TLS: the certificate cannot be checked without the server's name: give "
                           "server_hostname, or switch check_hostname off");
        return;
    }
    if (!is_ascii(host))
        throw TlsError(std::errc::invalid_argument,
                       "TLS: '" + printable(host) +
                           "' is no name of a server: it is to be in ASCII, an international one in its "
                           "form that begins with xn--");
    if (has_empty_label(host))
        throw TlsError(std::errc::invalid_argument,
                       "TLS: '" + host + "' is no name of a server: between its dots there is nothing");
    host_ = without_zone(host);
    // The dot says that the name is whole, to a resolver; it is part of no certificate, and RFC 6066 wants
    // none.
    if (host_.size() > 1 && host_.back() == '.') host_.pop_back();
    const bool address = in_figures(host_);
    bool set = true;
    // Names only: RFC 6066 has no addresses.
    if (!address) set = SSL_set_tlsext_host_name(ssl, host_.c_str()) == 1;
    if (set && verifies) {
        // As RFC 9525 has it: "*" stands for one whole label, and a subject is no name of a server.
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        set = (address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host_.c_str())
                       : SSL_set1_host(ssl, host_.c_str())) == 1;
    }
    if (!set)
        throw TlsError(std::errc::invalid_argument,
                       "TLS: '" + host + "' is no name of a server: " + take_tls_reason());
}

TlsStep TlsEngine::step_of(int result) noexcept {
    SSL* const ssl = connection_.get();
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_NONE: return TlsStep::done;
    case SSL_ERROR_WANT_READ: return TlsStep::needs_input;
    case SSL_ERROR_ZERO_RETURN: return TlsStep::ended;
    default: break;
    }
    try {
        reason_ = wire_->out_of_memory() ? "out of memory" : take_tls_reason();
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
    const TlsStep step = step_of(SSL_do_handshake(connection_.get()));
    if (step == TlsStep::done) shaken_ = true;
    return step;
}

TlsStep TlsEngine::read(std::span<std::byte> memory, std::size_t& count) noexcept {
    ERR_clear_error();
    return step_of(SSL_read_ex(connection_.get(), memory.data(), memory.size(), &count));
}

TlsStep TlsEngine::write(std::span<const std::byte> data) noexcept {
    if (data.empty()) return TlsStep::done;
    try {
        // A record holds 16 KiB, and adds at most 256 bytes to it.
        wire_->expect_output(data.size() + 256 * (data.size() / 16384 + 1));
    } catch (const std::bad_alloc&) {
        // Perhaps there is enough for one record after the other.
    }
    ERR_clear_error();
    std::size_t count = 0;
    return step_of(SSL_write_ex(connection_.get(), data.data(), data.size(), &count));
}

TlsStep TlsEngine::end_writing() noexcept {
    if (write_ended_) return TlsStep::done;
    ERR_clear_error();
    // What is there of a message about the connection itself is read, even if nobody reads anything else.
    if (shaken_ && !SSL_is_init_finished(connection_.get()))
        static_cast<void>(SSL_do_handshake(connection_.get()));
    if (!SSL_is_init_finished(connection_.get())) return TlsStep::needs_input;
    write_ended_ = true;
    // Whether the peer has said the same is seen when its bytes are read.
    static_cast<void>(SSL_shutdown(connection_.get()));
    ERR_clear_error();
    return TlsStep::done;
}

std::exception_ptr TlsEngine::error(const std::string& what) const {
    if (certificate_refused_)
        return std::make_exception_ptr(
            TlsCertificateError(what + ": the certificate was refused: " + reason_));
    return std::make_exception_ptr(TlsError(std::errc::protocol_error, what + ": " + reason_));
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
