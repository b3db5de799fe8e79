#include <aio/io/tcp_listener.hpp>

#include <chrono>

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>

#include "stream_help.hpp"

using io_test::turn;

namespace {

aio::Coro<aio::TcpStream> accept_one(aio::TcpListener& listener) { co_return co_await listener.accept(); }

} // namespace

TEST_CASE("tcp listener: out of descriptors: it is reported, and accepting goes on when there are some") {
    aio::EventLoop loop;
    int reports = 0;
    loop.set_exception_handler([&](aio::EventLoop&, const aio::ErrorContext&) { ++reports; });
    loop.run_until_complete([](int& reported) -> aio::Coro<> {
        aio::TcpListener listener("127.0.0.1", 0);
        // UndefinedBehaviorSanitizer looks at an object of a type that is new to it through a pipe, for which
        // there will be no descriptors: all that is used then is used here first.
        auto earlier = aio::create_task(accept_one, std::ref(listener));
        co_await turn();
        co_await aio::TcpStream::connect(listener.local_address());
        co_await std::move(earlier);
        co_await aio::sleep(std::chrono::microseconds(1));

        aio::TcpStream client = co_await aio::TcpStream::connect(listener.local_address());
        rlimit before{};
        ::getrlimit(RLIMIT_NOFILE, &before);
        rlimit none = before;
        none.rlim_cur = 0;
        ::setrlimit(RLIMIT_NOFILE, &none);
        auto accepting = aio::create_task(accept_one, std::ref(listener));
        co_await turn();
        ::setrlimit(RLIMIT_NOFILE, &before);
        CHECK(reported == 1);
        CHECK(!accepting.done());
        aio::TcpStream server = co_await std::move(accepting);
        CHECK(server.peer_address() == client.local_address());
        CHECK(reported == 1);
    }(reports));
}
