#pragma once

/// `TlsWire`: the memory that stands between OpenSSL and a stream, in both directions.
///
/// OpenSSL's own buffers of that kind keep the largest size that they ever had, for every connection, and
/// clear all of it each time. These are there only while something is in them.

#include <openssl/bio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <aio/io/read_ahead.hpp>

namespace aio::detail {

using TlsBio = std::unique_ptr<BIO, decltype(&BIO_free)>;

/// Lives as long as the connection that has its `bio`, and stays where it is.
class TlsWire {
public:
    TlsWire() = default;
    TlsWire(const TlsWire&) = delete;
    TlsWire& operator=(const TlsWire&) = delete;

    /// What OpenSSL reads from and writes to. Throws `std::bad_alloc`.
    [[nodiscard]] TlsBio bio();

    /// What the network has brought, for OpenSSL. Throws `std::bad_alloc`.
    void bring(std::span<const std::byte> bytes) { input_.append(bytes); }
    /// What OpenSSL has for the network.
    [[nodiscard]] std::span<const std::byte> output() const noexcept { return output_; }
    void discard_output() noexcept;
    /// Makes room for so many bytes more. Throws `std::bad_alloc`.
    void expect_output(std::size_t size) { output_.reserve(output_.size() + size); }
    /// There was no memory for something that OpenSSL wanted to send.
    [[nodiscard]] bool out_of_memory() const noexcept { return out_of_memory_; }

private:
    static int read(BIO* bio, char* memory, int size) noexcept;
    static int write(BIO* bio, const char* data, int size) noexcept;
    static long control(BIO* bio, int command, long number, void* pointer) noexcept;
    [[nodiscard]] static const BIO_METHOD* method();

    ReadAhead input_;
    std::vector<std::byte> output_;
    bool out_of_memory_ = false;
};

} // namespace aio::detail
