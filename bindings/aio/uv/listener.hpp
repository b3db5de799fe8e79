#pragma once

/// A listening socket, TCP or Unix domain.
///
/// It tells when connections wait, and the owner accepts as many as it wants, by a plain system call each.
/// This replaces libuv's own accept path, which since 1.45 takes one connection per turn of the loop, hides
/// accept errors, and when the process runs out of descriptors drops every waiting connection. It works in
/// the same way on Windows, where libuv would give connections that are bound to its loop already.

#include <string>
#include <string_view>
#include <utility>

#include <aio/uv/accepted_connection.hpp>
#include <aio/uv/address.hpp>
#include <aio/uv/completion.hpp>
#include <aio/uv/descriptor.hpp>
#include <aio/uv/poll.hpp>

namespace aio::uv {

class Loop;

/// How a TCP listener is made.
class ListenOptions {
public:
    /// How many connections the system may keep waiting.
    ListenOptions& backlog(int connections) noexcept { return backlog_ = connections, *this; }
    /// Several listeners, of several loops or processes, share the port; the system spreads connections over
    /// them. Not on Windows, where `listen_tcp` throws (not_supported).
    ListenOptions& reuse_port(bool on) noexcept { return reuse_port_ = on, *this; }
    /// An IPv6 listener on "::" does not take IPv4 connections.
    ListenOptions& ipv6_only(bool on) noexcept { return ipv6_only_ = on, *this; }

    ListenOptions() noexcept = default;
    [[nodiscard]] int backlog() const noexcept { return backlog_; }
    [[nodiscard]] bool reuse_port() const noexcept { return reuse_port_; }
    [[nodiscard]] bool ipv6_only() const noexcept { return ipv6_only_; }

private:
    int backlog_ = 511;
    bool reuse_port_ = false;
    bool ipv6_only_ = false;
};

/// Makes a listening TCP socket. Port 0 lets the system choose. Throws `std::system_error`.
[[nodiscard]] Descriptor listen_tcp(const Address& address, const ListenOptions& options = ListenOptions());
/// Makes a listening Unix domain socket at `path`, which must not exist, or on Linux at the abstract name
/// that follows a first byte 0. Throws `std::system_error`: always on Windows (not_supported).
[[nodiscard]] Descriptor listen_unix(std::string_view path, int backlog = 511);
/// Listens on a bound socket; one that does so already keeps its backlog. Throws `std::system_error`.
void listen_on(const Descriptor& socket, int backlog);
/// The address that a socket is bound to. Throws `std::system_error`.
[[nodiscard]] Address local_address(const Descriptor& socket);

/// Where a socket listens, for messages: "127.0.0.1:80", "/run/socket"; "descriptor 5" if the system does not
/// say.
[[nodiscard]] std::string place_of(const Descriptor& socket);

/// Watches a listening socket.
class Listener {
public:
    /// `ready` is called, while watching, in each turn in which connections wait.
    /// Throws `std::system_error`.
    Listener(Loop& loop, Descriptor socket, Callback ready);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    /// What `accept` has found.
    class Accepted {
    public:
        explicit Accepted(AcceptedConnection connection) noexcept : connection_(std::move(connection)) {}
        explicit Accepted(int status) noexcept : status_(status) {}
        /// 0, or a negative libuv error; EAGAIN when no connection waits.
        [[nodiscard]] int status() const noexcept { return status_; }
        [[nodiscard]] bool none_waiting() const noexcept;
        /// The process or the system is short of descriptors or memory: trying again at once is of no use.
        [[nodiscard]] bool short_of_resources() const noexcept;
        [[nodiscard]] AcceptedConnection& connection() noexcept { return connection_; }

    private:
        AcceptedConnection connection_;
        int status_ = 0;
    };

    /// Takes the next waiting connection, without waiting. Connections that broke off while they waited are
    /// skipped.
    [[nodiscard]] Accepted accept() noexcept;

    /// Throws `std::system_error`.
    void start_watching();
    void stop_watching() noexcept;

    [[nodiscard]] const Descriptor& socket() const noexcept { return socket_; }

private:
    void on_event(int status, PollEvents events) noexcept;
    // Before the poll handle, which must be closed first.
    Descriptor socket_;
    Callback ready_;
    Poll poll_;
    bool watching_ = false;
};

} // namespace aio::uv
