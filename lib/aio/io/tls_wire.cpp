#include <aio/io/tls_wire_private.hpp>

#include <algorithm>
#include <new>

namespace aio::detail {
namespace {

/// Memory up to this size is kept when the bytes are gone.
constexpr std::size_t kept_capacity = 4096;

TlsWire& wire_of(BIO* bio) noexcept { return *static_cast<TlsWire*>(BIO_get_data(bio)); }

} // namespace

const BIO_METHOD* TlsWire::method() {
    static BIO_METHOD* const made = [] {
        BIO_METHOD* const m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "aiouv");
        if (m == nullptr) throw std::bad_alloc();
        BIO_meth_set_read(m, &TlsWire::read);
        BIO_meth_set_write(m, &TlsWire::write);
        BIO_meth_set_ctrl(m, &TlsWire::control);
        return m;
    }();
    return made;
}

TlsBio TlsWire::bio() {
    TlsBio made(BIO_new(method()), &BIO_free);
    if (!made) throw std::bad_alloc();
    BIO_set_data(made.get(), this);
    BIO_set_init(made.get(), 1);
    return made;
}

void TlsWire::discard_output() noexcept {
    if (output_.capacity() > kept_capacity)
        std::vector<std::byte>().swap(output_);
    else
        output_.clear();
}

int TlsWire::read(BIO* bio, char* memory, int size) noexcept {
    ReadAhead& input = wire_of(bio).input_;
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    if (input.empty()) {
        // That is no end: more may come.
        BIO_set_retry_read(bio);
        return -1;
    }
    return static_cast<int>(
        input.take(std::as_writable_bytes(std::span(memory, static_cast<std::size_t>(size)))));
}

int TlsWire::write(BIO* bio, const char* data, int size) noexcept {
    TlsWire& wire = wire_of(bio);
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    const auto bytes = std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
    try {
        wire.output_.insert(wire.output_.end(), bytes.begin(), bytes.end());
    } catch (const std::bad_alloc&) {
        wire.out_of_memory_ = true;
        return -1;
    }
    return size;
}

long TlsWire::control(BIO*, int command, long, void*) noexcept {
    // The rest is about files, sockets and encryption by the kernel.
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

} // namespace aio::detail
