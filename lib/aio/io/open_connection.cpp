#include <aio/io/open_connection.hpp>

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/io/tcp_stream.hpp>
#include <aio/structure/exception_group.hpp>
#include <aio/structure/staggered_race.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/unix_socket.hpp>

namespace aio {

std::vector<Address> detail::interleave(const std::vector<Address>& addresses) {
    std::vector<Address> families[2];
    for (const Address& address : addresses)
        families[address.is_ipv6() == addresses.front().is_ipv6() ? 0 : 1].push_back(address);
    std::vector<Address> all;
    for (std::size_t i = 0; i < std::max(families[0].size(), families[1].size()); ++i) {
        for (const std::vector<Address>& family : families) {
            if (i < family.size()) all.push_back(family[i]);
        }
    }
    return all;
}

namespace {

/// One attempt.
class Attempt {
public:
    Attempt(const Address& address, const std::optional<Address>& local) noexcept
        : address_(address), local_(local) {}
    Coro<TcpStream> operator()() const { return connect(address_, local_); }

private:
    static Coro<TcpStream> connect(Address address, std::optional<Address> local) {
        if (local) co_return co_await TcpStream::connect(address, *local);
        co_return co_await TcpStream::connect(address);
    }
    Address address_;
    std::optional<Address> local_;
};

std::string text_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "unknown error";
    }
}

/// Throws what tells of all errors.
[[noreturn]] void throw_errors(std::vector<std::exception_ptr> errors, const std::string& target,
                               bool as_group) {
    if (as_group) throw ExceptionGroup("could not connect to " + target, std::move(errors));
    std::string all;
    bool same = true;
    for (const std::exception_ptr& error : errors) {
        same = same && text_of(error) == text_of(errors.front());
        all += (all.empty() ? "" : "; ") + text_of(error);
    }
    if (same) std::rethrow_exception(errors.front());
    std::error_code code = std::make_error_code(std::errc::connection_refused);
    try {
        std::rethrow_exception(errors.front());
    } catch (const std::system_error& error) {
        code = error.code();
    } catch (...) {
        // An error of another kind: all that is known of it is its text.
    }
    throw std::system_error(code, "connect to " + target + ": multiple exceptions: " + all);
}

/// What is to be done with the connection that was made.
Coro<StreamConnection> begin_connection(Stream stream, [[maybe_unused]] std::string host,
                                        ConnectOptions options) {
#if AIO_HAVE_TLS
    if (const std::optional<TlsContext>& context = options.tls()) {
        const std::string& name = options.server_hostname().empty() ? host : options.server_hostname();
        TlsStream secure =
            co_await TlsStream::client(std::move(stream), *context, name, options.tls_handshake_timeout());
        co_return StreamConnection(std::move(secure), options.limit());
    }
#endif
    co_return StreamConnection(std::move(stream), options.limit());
}

Coro<StreamConnection> connect_to_any(std::vector<Address> addresses, std::string target, std::string host,
                                      ConnectOptions options) {
    if (const std::optional<Address>& local = options.local_address()) {
        std::erase_if(addresses, [&](const Address& a) { return a.is_ipv6() != local->is_ipv6(); });
    }
    if (addresses.empty())
        throw std::system_error(std::make_error_code(std::errc::address_not_available),
                                "connect to " + target + ": there is no address to connect to");
    detail::StreamLink::check_limit(options.limit());
    std::vector<Attempt> attempts;
    for (const Address& address : detail::interleave(addresses))
        attempts.emplace_back(address, options.local_address());
    if (attempts.size() == 1 && !options.all_errors()) {
        TcpStream only = co_await attempts.front()();
        co_return co_await begin_connection(std::move(only), std::move(host), options);
    }
    const std::optional<Duration> delay = options.happy_eyeballs_delay();
    RaceResult<TcpStream> race;
    if (delay)
        race = co_await staggered_race(std::move(attempts), *delay);
    else
        race = co_await staggered_race(std::move(attempts), std::nullopt);
    if (!race.winner) throw_errors(std::move(race.exceptions), target, options.all_errors());
    co_return co_await begin_connection(std::move(*race.winner), std::move(host), options);
}

/// An address in figures, which needs no resolver.
std::optional<Address> in_figures(const std::string& host, std::uint16_t port) {
    try {
        return Address(host, port);
    } catch (const std::system_error&) {
        return std::nullopt;
    }
}

bool fits(const Address& address, AddressFamily family) noexcept {
    return family == AddressFamily::any || address.is_ipv6() == (family == AddressFamily::ipv6);
}

} // namespace

Coro<StreamConnection> open_connection(std::string host, std::uint16_t port, ConnectOptions options) {
    std::vector<Address> addresses;
    if (const std::optional<Address> address = in_figures(host, port);
        address && fits(*address, options.family())) {
        addresses.push_back(*address);
    } else {
        const LookupOptions lookup = LookupOptions().family(options.family()).socket_type(SocketType::stream);
        const std::vector<AddressInfo> found = co_await getaddrinfo(host, port, lookup);
        for (const AddressInfo& info : found) addresses.push_back(info.address());
    }
    const std::string target = host + ":" + std::to_string(port);
    co_return co_await connect_to_any(std::move(addresses), target, host, options);
}

Coro<StreamConnection> open_connection(std::vector<Address> addresses, ConnectOptions options) {
    std::erase_if(addresses, [&](const Address& address) { return !fits(address, options.family()); });
    return connect_to_any(std::move(addresses), "any address of a list", {}, std::move(options));
}

Coro<StreamConnection> open_unix_connection(std::string path, std::size_t limit) {
    return open_unix_connection(std::move(path), ConnectOptions().limit(limit));
}

Coro<StreamConnection> open_unix_connection(std::string path, ConnectOptions options) {
    // How long to wait for room in the backlog, of which the system does not tell.
    Duration pause = std::chrono::milliseconds(1);
    const Duration longest_pause = std::chrono::milliseconds(100);
    for (;;) {
        uv::Descriptor socket;
        try {
            socket = uv::connect_unix(path);
        } catch (const std::system_error& error) {
            if (error.code() != std::errc::resource_unavailable_try_again) throw;
        }
        if (socket.valid()) {
            PipeStream stream(get_running_loop(), std::move(socket), detail::KnownKind());
            co_return co_await begin_connection(std::move(stream), std::string(), std::move(options));
        }
        co_await sleep(pause);
        pause = std::min(2 * pause, longest_pause);
    }
}

} // namespace aio
