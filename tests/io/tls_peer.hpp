#pragma once

/// A peer that is OpenSSL itself, to do with TLS what the library's own streams do not.

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <aio/io/stream.hpp>

#include "io/stream_help.hpp"
#include "io/tls_help.hpp"

namespace io_test {

using SslContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

inline SslContext peer_context(bool server, const Identity* identity = nullptr) {
    SslContext context(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()), &SSL_CTX_free);
    if (identity != nullptr) identity->use_in(context.get());
    return context;
}

class TlsPeer {
public:
    TlsPeer(SSL_CTX* context, bool server, aio::Stream stream)
        : ssl_(SSL_new(context), &SSL_free),
          stream_(std::move(stream)),
          input_(BIO_new(BIO_s_mem())),
          output_(BIO_new(BIO_s_mem())) {
        BIO_set_mem_eof_return(input_, -1);
        SSL_set_bio(ssl_.get(), input_, output_);
        if (server)
            SSL_set_accept_state(ssl_.get());
        else
            SSL_set_connect_state(ssl_.get());
    }

    [[nodiscard]] SSL* ssl() const noexcept { return ssl_.get(); }
    [[nodiscard]] aio::Stream& stream() noexcept { return stream_; }
    [[nodiscard]] bool has_ended() const noexcept {
        return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    }

    /// What is to go to the other side, record by record.
    [[nodiscard]] std::vector<std::vector<std::byte>> take_records() {
        char* data = nullptr;
        const auto size = static_cast<std::size_t>(BIO_get_mem_data(output_, &data));
        std::vector<std::byte> all(size);
        static_cast<void>(BIO_read(output_, all.data(), static_cast<int>(size)));
        std::vector<std::vector<std::byte>> records;
        for (std::size_t at = 0; at + 5 <= size;) {
            const std::size_t length = 5 + 256 * std::to_integer<std::size_t>(all[at + 3]) +
                                       std::to_integer<std::size_t>(all[at + 4]);
            const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
            records.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(length));
            at += length;
        }
        return records;
    }
    aio::Coro<> flush() {
        const std::vector<std::vector<std::byte>> records = take_records();
        for (const std::vector<std::byte>& record : records) co_await stream_.write_all(record);
    }
    /// Waits for something from the other side; says whether anything came.
    aio::Coro<bool> receive() {
        std::array<std::byte, 16384> memory;
        const std::size_t count = co_await stream_.read_some(memory);
        if (count > 0) static_cast<void>(BIO_write(input_, memory.data(), static_cast<int>(count)));
        co_return count > 0;
    }
    aio::Coro<> shake_hands() {
        for (;;) {
            const int result = SSL_do_handshake(ssl_.get());
            co_await flush();
            if (result == 1) break;
            if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ)
                throw std::runtime_error("the peer's handshake fails");
            const bool more = co_await receive();
            if (!more) throw std::runtime_error("the peer's handshake is cut off");
        }
    }
    aio::Coro<> send(std::string text) {
        static_cast<void>(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())));
        co_await flush();
    }
    /// Reads so many bytes, or fewer if the other side has ended.
    aio::Coro<std::string> read(std::size_t size) {
        std::string text;
        std::array<char, 4096> memory;
        while (text.size() < size) {
            const int count = SSL_read(ssl_.get(), memory.data(), static_cast<int>(memory.size()));
            if (count > 0) {
                text.append(memory.data(), static_cast<std::size_t>(count));
                continue;
            }
            co_await flush();
            if (SSL_get_error(ssl_.get(), count) != SSL_ERROR_WANT_READ) break;
            const bool more = co_await receive();
            if (!more) break;
        }
        co_return text;
    }

private:
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
    aio::Stream stream_;
    BIO* input_;
    BIO* output_;
};

} // namespace io_test
