#pragma once

/// A file descriptor with an owner.

#include <utility>

namespace aio::uv {

/// One of the standard descriptors, 0 to 2, whose numbers are never left free: what is opened next would take
/// their place, and libuv never closes them, or ends the program when it is to.
[[nodiscard]] constexpr bool is_standard(int fd) noexcept { return fd >= 0 && fd <= 2; }

/// Owns a descriptor and closes it; the null device takes the place of a standard one. Move-only. On Windows
/// it is one of the C runtime, or a socket: two things with numbers of their own, of which a socket has to be
/// made with `of_socket`.
class Descriptor {
public:
    Descriptor() noexcept = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    /// Owns a socket. (Windows promises that its handles fit into 32 bits.)
    [[nodiscard]] static Descriptor of_socket(int socket) noexcept {
        Descriptor descriptor(socket);
#if defined(_WIN32)
        descriptor.is_socket_ = true;
#endif
        return descriptor;
    }
    Descriptor(Descriptor&& other) noexcept { swap(other); }
    Descriptor& operator=(Descriptor&& other) noexcept {
        Descriptor taken(std::move(other));
        swap(taken);
        return *this;
    }
    ~Descriptor() { close(); }

    [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int get() const noexcept { return fd_; }
#if defined(_WIN32)
    /// Only on Windows, where it makes a difference.
    [[nodiscard]] bool is_socket() const noexcept { return is_socket_; }
#endif
    /// Gives the descriptor away.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    /// Leaves errno as it is.
    void close() noexcept;

private:
    void swap(Descriptor& other) noexcept {
        std::swap(fd_, other.fd_);
#if defined(_WIN32)
        std::swap(is_socket_, other.is_socket_);
#endif
    }

    int fd_ = -1;
#if defined(_WIN32)
    bool is_socket_ = false;
#endif
};

#if !defined(_WIN32)
/// Another number for what the descriptor stands for, closed on exec and none of the standard ones. Throws
/// `std::system_error`.
[[nodiscard]] Descriptor duplicate(const Descriptor& descriptor);
/// The descriptor itself, or a duplicate if it is one of the standard ones. Throws `std::system_error`.
[[nodiscard]] Descriptor above_standard(Descriptor descriptor);
#endif

/// What a descriptor is good for: what `Tcp`, `Pipe` or `Udp` adopts, or none of them. A `device` is one that
/// gives characters, a terminal or a serial line, and never on Windows; `Pipe` adopts those that can be
/// watched.
enum class DescriptorKind { tcp, pipe, udp, device, other };
[[nodiscard]] DescriptorKind kind_of(const Descriptor& descriptor) noexcept;

/// Whether this is a stream socket that has never been connected. One that was, until its peer broke that
/// off, may still have bytes to be read.
[[nodiscard]] bool is_unconnected_socket(const Descriptor& descriptor) noexcept;

/// Opens the null device for those of the standard descriptors that are closed, as a daemon's may be.
void open_standard_descriptors() noexcept;

} // namespace aio::uv
