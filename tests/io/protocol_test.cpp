#include <aio/io/protocol.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/context.hpp>
#include <aio/core/errors.hpp>
#include <aio/io/transport.hpp>

#include "io/protocol_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace io_test;
using namespace std::chrono_literals;
using testing::MemoryStreamOptions;

TEST_CASE("a protocol is told of its connection, of what comes, of the end, and of the loss, in this order") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin();
        CHECK(joined(wired.calls) == "made");
        co_await wired.peer->write_all(bytes("one"));
        co_await rounds(5);
        co_await wired.peer->write_all(bytes("two"));
        co_await wired.peer->shutdown_write();
        co_await rounds(10);
        CHECK(joined(wired.calls) == "made; data: one; data: two; eof; lost: none");
        CHECK(wired.transport().is_closing());
    });
}

TEST_CASE("a protocol is given the pieces in which bytes come") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        const MemoryStreamOptions options = MemoryStreamOptions().chunk_sizes({1, 2, 3});
        co_await wired.begin(options);
        co_await wired.peer->write_all(bytes("abcdef"));
        co_await rounds(10);
        CHECK(joined(wired.calls) == "made; data: a; data: bc; data: def");
        wired.transport().abort();
        co_await rounds(2);
    });
}

TEST_CASE("what a stream has read before it got a transport is given to the protocol after connection_made") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        StreamPair ends;
        StreamConnection a(std::move(ends.a));
        co_await ends.b.write_all(bytes("early"));
        ends.b.close();
        co_await turn();
        Stream stream = a.writer.detach("test");
        const auto make = [&] { return std::make_unique<Recording>(calls); };
        auto connection = co_await create_transport(make, std::move(stream));
        CHECK(joined(calls) == "made");
        co_await until([&] { return calls.size() == 4; });
        CHECK(joined(calls) == "made; data: early; eof; lost: none");
    });
}

TEST_CASE("an end that had come before the transport is told once, also to a protocol that stays open") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        StreamPair ends;
        StreamConnection a(std::move(ends.a));
        co_await ends.b.write_all(bytes("early"));
        co_await ends.b.shutdown_write();
        co_await turn();
        Stream stream = a.writer.detach("test");
        const auto make = [&] {
            auto protocol = std::make_unique<Recording>(calls);
            protocol->keep_open = true;
            return protocol;
        };
        auto connection = co_await create_transport(make, std::move(stream));
        co_await turn();
        connection.transport().pause_reading();
        connection.transport().resume_reading();
        co_await turn();
        CHECK(joined(calls) == "made; data: early; eof");
        connection.transport().write("late");
        connection.transport().close();
        const std::string late = co_await read_all(ends.b);
        CHECK(late == "late");
    });
}

TEST_CASE("rule 89: a protocol that keeps the connection open at the end of the stream can still write") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin();
        wired.protocol().keep_open = true;
        co_await wired.peer->shutdown_write();
        co_await rounds(5);
        CHECK(joined(wired.calls) == "made; eof");
        wired.transport().write("late answer");
        wired.transport().close();
        const std::string answer = co_await read_all(*wired.peer);
        CHECK(answer == "late answer");
        co_await rounds(3);
        CHECK(joined(wired.calls) == "made; eof; lost: none");
    });
}

TEST_CASE("a connection that breaks is lost with the error, and not reported") {
    TestLoop test;
    test.loop.run_until_complete([]() -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin();
        auto ends = testing::MemoryStream::pair();
        Calls calls;
        ends.first.fail_reads(std::errc::connection_reset, 2);
        const auto make = [&] { return std::make_unique<Recording>(calls); };
        auto connection = co_await create_transport(make, std::move(ends.first));
        std::error_code code;
        connection.protocol().on_call = [](const std::string&) {};
        co_await ends.second.write_all(bytes("abc"));
        co_await rounds(8);
        REQUIRE(calls.size() == 3);
        CHECK(calls[1] == "data: ab");
        CHECK(calls[2].starts_with("lost: read from a memory stream"));
        wired.transport().abort();
        co_await rounds(2);
    }());
    CHECK(test.reports.empty());
}

TEST_CASE("no callback comes from inside a call of the transport, but for pause_writing") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin(MemoryStreamOptions().capacity(0));
        const std::size_t before = wired.calls.size();
        wired.transport().write("x");
        wired.transport().write_eof();
        wired.transport().pause_reading();
        wired.transport().resume_reading();
        wired.transport().close();
        wired.transport().abort();
        CHECK(wired.calls.size() == before);
        co_await rounds(2);
        CHECK(wired.calls.back() == "lost: none");
    });
}

TEST_CASE("connection_lost comes after callbacks that were queued before close") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin();
        loop.call_soon([&] { wired.calls.emplace_back("before"); });
        wired.transport().close();
        loop.call_soon([&] { wired.calls.emplace_back("after"); });
        co_await rounds(3);
        CHECK(joined(wired.calls) == "made; before; lost: none; after");
    });
}

TEST_CASE("a protocol runs in the context in which its transport was made") {
    static ContextVar<std::string> who("who", "nobody");
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        std::vector<std::string> seen;
        {
            const auto scope = who.scoped_set("maker");
            co_await wired.begin();
        }
        wired.protocol().on_call = [&](const std::string&) { seen.push_back(who.get()); };
        co_await wired.peer->write_all(bytes("x"));
        co_await rounds(5);
        wired.transport().close();
        co_await rounds(2);
        CHECK(joined(seen) == "maker; maker");
    });
}

namespace {

/// Throws from the call with this text.
void throw_in(Recording& protocol, std::string where) {
    protocol.on_call = [where = std::move(where)](const std::string& call) {
        if (call.starts_with(where)) throw ValueError("thrown in " + where);
    };
}

} // namespace

TEST_CASE("what data_received and eof_received throw is reported and loses the connection") {
    for (const std::string where : {"data", "eof"}) {
        TestLoop test;
        Calls calls;
        test.loop.run_until_complete([](Calls& result, std::string place) -> Coro<> {
            Wired<Recording> wired;
            co_await wired.begin();
            throw_in(wired.protocol(), place);
            co_await wired.peer->write_all(bytes("x"));
            co_await wired.peer->shutdown_write();
            co_await rounds(8);
            result = wired.calls;
        }(calls, where));
        CHECK(calls.back() == "lost: thrown in " + where);
        REQUIRE(test.reports.size() == 1);
        CHECK(test.reports[0] ==
              "Fatal error: protocol." + where + "_received() call failed.: thrown in " + where);
    }
}

TEST_CASE("what connection_made and connection_lost throw is reported, and all goes on") {
    TestLoop test;
    Calls calls;
    test.loop.run_until_complete([](Calls& result) -> Coro<> {
        auto ends = testing::MemoryStream::pair();
        const auto make = [&] {
            auto protocol = std::make_unique<Recording>(result);
            protocol->on_call = [](const std::string& call) {
                if (call == "made" || call.starts_with("lost")) throw ValueError(call);
            };
            return protocol;
        };
        auto connection = co_await create_transport(make, std::move(ends.first));
        co_await ends.second.write_all(bytes("x"));
        co_await rounds(5);
        connection.transport().close();
        co_await rounds(3);
    }(calls));
    CHECK(joined(calls) == "made; data: x; lost: none");
    CHECK(joined(test.reports) == "Exception in callback protocol.connection_made(): made; Exception in "
                                  "callback protocol.connection_lost(): lost: none");
}

TEST_CASE("what pause_writing and resume_writing throw is reported, and all goes on") {
    TestLoop test;
    test.loop.run_until_complete([]() -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin(MemoryStreamOptions().capacity(0));
        wired.protocol().on_call = [](const std::string& call) {
            if (call == "pause" || call == "resume") throw ValueError(call);
        };
        wired.transport().write(long_text(70'000));
        const std::string text = co_await read_count(*wired.peer, 70'000);
        CHECK(text == long_text(70'000));
        co_await rounds(3);
        CHECK(joined(wired.calls) == "made; pause; resume");
        wired.transport().close();
        co_await rounds(3);
    }());
    CHECK(joined(test.reports) ==
          "protocol.pause_writing() failed: pause; protocol.resume_writing() failed: resume");
}

TEST_CASE("a BaseError that a callback throws leaves the run call") {
    TestLoop test;
    Wired<Recording> wired;
    const auto body = [](Wired<Recording>& w) -> Coro<> {
        co_await w.begin();
        w.protocol().on_call = [](const std::string&) { throw SystemExit(3); };
        co_await w.peer->write_all(bytes("x"));
        co_await sleep(1h);
    };
    CHECK_THROWS_AS(test.loop.run_until_complete(body(wired)), SystemExit);
    CHECK(joined(wired.calls) == "made; data: x");
    test.loop.close();
}

TEST_CASE("a buffered protocol has its memory filled, again and again") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<BufferedRecording> wired;
        co_await wired.begin(MemoryStreamOptions(), std::size_t(4));
        co_await wired.peer->write_all(bytes("abcdefghij"));
        co_await wired.peer->shutdown_write();
        co_await rounds(20);
        CHECK(joined(wired.calls) == "made; data: abcd; data: efgh; data: ij; eof; lost: none");
    });
}

TEST_CASE("a buffered protocol also gets what had come before it was there") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        StreamPair ends;
        StreamConnection a(std::move(ends.a));
        co_await ends.b.write_all(bytes("abcdefghij"));
        co_await turn();
        Stream stream = a.writer.detach("test");
        const auto make = [&] { return std::make_unique<BufferedRecording>(calls, 4); };
        auto connection = co_await create_transport(make, std::move(stream));
        co_await until([&] { return calls.size() == 4; });
        co_await ends.b.write_all(bytes("k"));
        co_await until([&] { return calls.size() == 5; });
        CHECK(joined(calls) == "made; data: abcd; data: efgh; data: ij; data: k");
        connection.transport().abort();
        co_await rounds(2);
    });
}

TEST_CASE("a buffered protocol that gives no memory loses the connection") {
    TestLoop test;
    Calls calls;
    test.loop.run_until_complete([](Calls& result) -> Coro<> {
        Wired<BufferedRecording> wired;
        co_await wired.begin(MemoryStreamOptions(), std::size_t(0));
        co_await rounds(5);
        result = wired.calls;
    }(calls));
    CHECK(joined(calls) == "made; lost: get_buffer() returned an empty buffer");
    CHECK(joined(test.reports) ==
          "Fatal error: protocol.get_buffer() call failed.: get_buffer() returned an empty buffer");
}
