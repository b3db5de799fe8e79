#include <aio/io/dns.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/structure/gather.hpp>

#include "support/conformance.hpp"
#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;

namespace {

/// Windows gives back what it was asked for: no protocol, and one entry that stands for all types of socket.
#if defined(_WIN32)
constexpr bool names_type_and_protocol = false;
#else
constexpr bool names_type_and_protocol = true;
#endif

LookupOptions in_figures() { return LookupOptions().numeric_host().socket_type(SocketType::stream); }

Coro<int> port_of_an_address() {
    const std::vector<AddressInfo> found = co_await getaddrinfo("127.0.0.1", 7, in_figures());
    co_return found.at(0).address().port();
}

Coro<std::string> own_name() {
    const NameOptions options = NameOptions().numeric_host().numeric_service();
    const NameInfo name = co_await getnameinfo(Address("127.0.0.1", 7), options);
    co_return name.host() + " " + name.service();
}

} // namespace

TEST_CASE("dns: an address in figures is resolved to itself, with the port") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const std::vector<AddressInfo> v4 = co_await getaddrinfo("127.0.0.1", 8080, in_figures());
        REQUIRE(v4.size() == 1);
        CHECK(v4[0].address() == Address("127.0.0.1", 8080));
        CHECK(v4[0].socket_type() == SocketType::stream);
        CHECK(v4[0].protocol() == (names_type_and_protocol ? 6 : 0));
        CHECK(v4[0].canonical_name().empty());
        const std::vector<AddressInfo> v6 = co_await getaddrinfo("::1", "53", in_figures());
        REQUIRE(v6.size() == 1);
        CHECK(v6[0].address() == Address("::1", 53));
    });
}

TEST_CASE("dns: localhost is this machine, and without a socket type every type comes") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const LookupOptions options = LookupOptions().family(AddressFamily::ipv4);
        const std::vector<AddressInfo> found = co_await getaddrinfo("localhost", 80, options);
        REQUIRE(!found.empty());
        for (const AddressInfo& info : found) CHECK(info.address() == Address("127.0.0.1", 80));
        const auto has = [&](SocketType type) {
            return std::any_of(found.begin(), found.end(),
                               [&](const AddressInfo& info) { return info.socket_type() == type; });
        };
        CHECK(has(SocketType::stream) == names_type_and_protocol);
        CHECK(has(SocketType::datagram) == names_type_and_protocol);
        if (!names_type_and_protocol) CHECK((found.size() == 1 && has(SocketType::any)));
    });
}

TEST_CASE("dns: without a host, loopback addresses, or passively those of all interfaces") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        LookupOptions options = LookupOptions().family(AddressFamily::ipv4).socket_type(SocketType::stream);
        const std::vector<AddressInfo> active = co_await getaddrinfo("", 80, options);
        const std::vector<AddressInfo> passive = co_await getaddrinfo("", 80, options.passive());
        REQUIRE(active.size() == 1);
        REQUIRE(passive.size() == 1);
        CHECK(active[0].address() == Address("127.0.0.1", 80));
        CHECK(passive[0].address() == Address("0.0.0.0", 80));
    });
}

TEST_CASE("dns: a canonical name comes when it is asked for") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const std::vector<AddressInfo> found =
            co_await getaddrinfo("127.0.0.1", 80, in_figures().canonical_name());
        REQUIRE(!found.empty());
        CHECK(found[0].canonical_name() == "127.0.0.1");
    });
}

TEST_CASE("dns: an error names what was to be resolved") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        bool unknown = false;
        std::string text;
        try {
            static_cast<void>(co_await getaddrinfo("no figures", 80, in_figures()));
        } catch (const GaiError& error) {
            unknown = error.unknown_name();
            text = error.what();
            CHECK_FALSE(error.temporary());
        }
        CHECK(unknown);
        CHECK(contains(text, "resolve \"no figures\", service \"80\""));
        const std::string nothing = co_await outcome(getaddrinfo("", ""));
        CHECK(contains(nothing, "resolve \"\""));
    });
}

TEST_CASE("dns: names of an address, in figures or not") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const std::string figures = co_await own_name();
        CHECK(figures == "127.0.0.1 7");
        const NameInfo name = co_await getnameinfo(Address("::1", 9), NameOptions().numeric_host());
        CHECK(name.host() == "::1");
        CHECK_FALSE(name.service().empty());
    });
}

TEST_CASE("dns: lookups run at the same time, also more than there are threads for") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        std::vector<Coro<int>> lookups;
        for (int i = 0; i < 50; ++i) lookups.push_back(port_of_an_address());
        const std::vector<int> ports = co_await gather(std::move(lookups));
        CHECK(ports == std::vector<int>(50, 7));
    });
}

TEST_CASE(
    "dns: lookups that have been cancelled end on their own, also after their loop has been told to close") {
    TestLoop test(SteadyClock::instance());
    std::vector<Task<int>> tasks;
    test.loop.run_until_complete([](std::vector<Task<int>>& lookups) -> Coro<> {
        for (int i = 0; i < 50; ++i) lookups.push_back(create_task(port_of_an_address()));
        co_await rounds(1);
        for (Task<int>& task : lookups) task.cancel("enough");
        co_await rounds(3);
    }(tasks));
    for (const Task<int>& task : tasks) CHECK(task.cancelled());
    CHECK_NOTHROW(test.loop.close());
}

TEST_CASE("conformance: lookups") {
    check_conformance("getaddrinfo", 7, [](Gate&) { return port_of_an_address(); }, true);
    check_conformance("getnameinfo", std::string("127.0.0.1 7"), [](Gate&) { return own_name(); }, true);
}

TEST_CASE("getaddrinfo: a null character in a name is refused, and not taken for its end") {
    const std::string host("127.0.0.1\0.example.com", 22);
    const std::string message = "null character in the host name \"127.0.0.1\\0.example.com\"";
    run_in_real_time([&](EventLoop&) -> Coro<> {
        CHECK(co_await outcome(getaddrinfo(host, 80)) == message);
        CHECK(co_await outcome(open_connection(host, 80)) == message);
        const std::string service("80\0", 3);
        CHECK(co_await outcome(getaddrinfo("127.0.0.1", service)) ==
              "null character in the service name \"80\\0\"");
    });
    CHECK_THROWS_AS(Address(host, 80), std::system_error);
}
