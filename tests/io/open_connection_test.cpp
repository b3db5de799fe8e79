#include <aio/io/open_connection.hpp>

#include <chrono>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/tcp_listener.hpp>
#include <aio/structure/exception_group.hpp>

#include "stream_help.hpp"
#include "support/conformance.hpp"
#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

/// An address at which nobody listens: a port that was free a moment ago.
Address nobody() {
    const TcpListener listener("127.0.0.1", 0);
    return listener.local_address();
}

template <class... Addresses>
std::vector<Address> list(const Addresses&... addresses) {
    std::vector<Address> all;
    (all.push_back(addresses), ...);
    return all;
}

} // namespace

TEST_CASE("rule 94: a host in figures, or by name, is connected to") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        TcpListener listener("127.0.0.1", 0);
        for (const char* host : {"127.0.0.1", "localhost"}) {
            const ConnectOptions options = ConnectOptions().family(AddressFamily::ipv4).limit(100);
            StreamConnection client =
                co_await open_connection(host, listener.local_address().port(), options);
            TcpStream server = co_await listener.accept();
            CHECK(client.writer.peername() == listener.local_address());
            CHECK(client.reader.limit() == 100);
            client.writer.write("hello");
            const std::string text = co_await io_test::read_count(server, 5);
            CHECK(text == "hello");
        }
    });
}

TEST_CASE("rule 94: when one address fails the next one is tried, with or without a delay") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        TcpListener listener("127.0.0.1", 0);
        for (const bool staggered : {true, false}) {
            ConnectOptions options;
            if (!staggered) options.happy_eyeballs_delay(std::nullopt);
            const std::vector<Address> addresses = list(nobody(), nobody(), listener.local_address());
            StreamConnection client = co_await open_connection(addresses, options);
            CHECK(client.writer.peername() == listener.local_address());
        }
    });
}

TEST_CASE("rule 94: an attempt that does not answer does not hold up the next one for long") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        // One whose backlog is full does not answer.
        const TcpListener full(Address("127.0.0.1", 0), ListenOptions().backlog(0));
        const StreamConnection filler = co_await open_connection("127.0.0.1", full.local_address().port());
        TcpListener listener("127.0.0.1", 0);
        const std::vector<Address> addresses = list(full.local_address(), listener.local_address());
        const ConnectOptions options = ConnectOptions().happy_eyeballs_delay(1ms);
        StreamConnection client = co_await open_connection(addresses, options);
        // Where the system accepts more than was asked for, the first has answered.
        CHECK(client.writer.peername().has_value());
    });
}

TEST_CASE("rule 94: one error is thrown as it is; of several the texts are in one, or all in a group") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const Address first = nobody();
        const Address second = nobody();
        const std::string one = co_await outcome(open_connection("127.0.0.1", first.port()));
        CHECK(contains(one, "connect to " + first.to_string()));
        std::error_code code;
        std::string text;
        try {
            static_cast<void>(co_await open_connection(list(first, second)));
        } catch (const std::system_error& error) {
            code = error.code();
            text = error.what();
        }
        CHECK(code == std::errc::connection_refused);
        CHECK(contains(text, "multiple exceptions"));
        CHECK(contains(text, "connect to " + first.to_string()));
        CHECK(contains(text, "connect to " + second.to_string()));
        const std::string same = co_await outcome(open_connection(list(first, first)));
        CHECK(same == one);
        std::size_t errors = 0;
        try {
            static_cast<void>(
                co_await open_connection(list(first, second), ConnectOptions().all_errors(true)));
        } catch (const ExceptionGroup& group) {
            errors = group.exceptions().size();
        }
        CHECK(errors == 2);
        const std::string none = co_await outcome(open_connection(std::vector<Address>()));
        CHECK(contains(none, "there is no address to connect to"));
    });
}

TEST_CASE("rule 94: families take turns, beginning with that of the first address") {
    const std::vector<Address> mixed = list(Address("::1", 1), Address("::1", 2), Address("::1", 3),
                                            Address("127.0.0.1", 4), Address("127.0.0.1", 5));
    std::string order;
    for (const Address& address : detail::interleave(mixed)) order += std::to_string(address.port());
    CHECK(order == "14253");
    CHECK(detail::interleave({}).empty());
}

TEST_CASE("open_connection: a local address is used, and its family alone is tried") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        TcpListener listener("127.0.0.1", 0);
        const ConnectOptions options = ConnectOptions().local_address(Address("127.0.0.1", 0));
        const std::vector<Address> addresses = list(Address("::1", 1), listener.local_address());
        StreamConnection client = co_await open_connection(addresses, options);
        TcpStream server = co_await listener.accept();
        CHECK(server.peer_address() == client.writer.sockname());
        const std::string text =
            co_await outcome(open_connection("127.0.0.1", listener.local_address().port(),
                                             ConnectOptions().local_address(Address("192.0.2.1", 0))));
        CHECK(contains(text, "from 192.0.2.1:0"));
    });
}

namespace {

Coro<int> connected() {
    const TcpListener listener("127.0.0.1", 0);
    const StreamConnection client = co_await open_connection("127.0.0.1", listener.local_address().port());
    co_return client.writer.is_closing() ? 0 : 7;
}

} // namespace

TEST_CASE("conformance: open_connection") {
    check_conformance("open_connection", 7, [](Gate&) { return connected(); }, true);
}

TEST_CASE("rule 94: all_errors gives a group of one address as well") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        bool group = false;
        try {
            static_cast<void>(co_await open_connection(list(nobody()), ConnectOptions().all_errors(true)));
        } catch (const ExceptionGroup& errors) {
            group = errors.exceptions().size() == 1;
        }
        CHECK(group);
    });
}

TEST_CASE("open_connection: a limit of 0 is refused before anything is tried") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        CHECK(co_await outcome(open_connection("127.0.0.1", 1, ConnectOptions().limit(0))) ==
              "the limit of a StreamReader must not be 0");
    });
}
