#include <aio/io/transport.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/errors.hpp>

#include "io/protocol_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace io_test;
using testing::MemoryStreamOptions;

TEST_CASE("write and writelines send bytes and texts in order") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin();
        std::vector<std::string_view> pieces;
        pieces.emplace_back("two ");
        pieces.emplace_back("three ");
        wired.transport().write("one ");
        wired.transport().writelines(pieces);
        wired.transport().write(bytes("four"));
        wired.transport().write("");
        wired.transport().close();
        const std::string text = co_await read_all(*wired.peer);
        CHECK(text == "one two three four");
    });
}

TEST_CASE("rule 87: a protocol is paused above the high-water mark, and resumed at the low one, once each") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin(MemoryStreamOptions().capacity(0));
        Transport& transport = wired.transport();
        CHECK(transport.get_write_buffer_limits() == WriteBufferLimits(16 * 1024, 64 * 1024));
        transport.write(std::string(64 * 1024, 'x'));
        CHECK(transport.get_write_buffer_size() == 64 * 1024);
        CHECK(joined(wired.calls) == "made");
        transport.write("y");
        transport.write("z");
        CHECK(joined(wired.calls) == "made; pause");
        const std::size_t left = 16 * 1024 + 1;
        std::string text = co_await read_count(*wired.peer, 64 * 1024 + 2 - left);
        const std::size_t queued = transport.get_write_buffer_size();
        if (queued > 16 * 1024) CHECK(joined(wired.calls) == "made; pause");
        text += co_await read_count(*wired.peer, 64 * 1024 + 2 - text.size());
        co_await rounds(3);
        CHECK(text.ends_with("xyz"));
        CHECK(joined(wired.calls) == "made; pause; resume");
        transport.close();
        co_await rounds(3);
        CHECK(joined(wired.calls) == "made; pause; resume; lost: none");
    });
}

TEST_CASE("rule 87: the marks of a transport can be set, and a lower one pauses at once") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin(MemoryStreamOptions().capacity(0));
        Transport& transport = wired.transport();
        transport.write("abcdef");
        transport.set_write_buffer_limits(6, 2);
        CHECK(joined(wired.calls) == "made");
        transport.set_write_buffer_limits(4, 2);
        CHECK(joined(wired.calls) == "made; pause");
        CHECK_THROWS_AS(transport.set_write_buffer_limits(1, 2), ValueError);
        CHECK(transport.get_write_buffer_limits() == WriteBufferLimits(2, 4));
        transport.set_write_buffer_limits(std::nullopt, 5);
        CHECK(transport.get_write_buffer_limits() == WriteBufferLimits(5, 20));
        transport.set_write_buffer_limits(40);
        CHECK(transport.get_write_buffer_limits() == WriteBufferLimits(10, 40));
        transport.abort();
        co_await rounds(2);
    });
}

TEST_CASE("pause_reading holds back bytes and the end until resume_reading") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin();
        Transport& transport = wired.transport();
        CHECK(transport.is_reading());
        transport.pause_reading();
        transport.pause_reading();
        CHECK_FALSE(transport.is_reading());
        co_await wired.peer->write_all(bytes("x"));
        co_await wired.peer->shutdown_write();
        co_await rounds(5);
        CHECK(joined(wired.calls) == "made");
        transport.resume_reading();
        transport.resume_reading();
        CHECK(transport.is_reading());
        co_await rounds(8);
        CHECK(joined(wired.calls) == "made; data: x; eof; lost: none");
        CHECK_FALSE(transport.is_reading());
        transport.pause_reading();
        transport.resume_reading();
    });
}

TEST_CASE("a protocol that pauses in data_received gets nothing more, and its peer has to wait") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin(MemoryStreamOptions().chunk_size(1).capacity(10));
        wired.protocol().on_call = [&](const std::string& call) {
            if (call.starts_with("data")) wired.transport().pause_reading();
        };
        co_await wired.peer->write_all(bytes("0123456789abc"));
        co_await rounds(10);
        CHECK(joined(wired.calls) == "made; data: 0");
        CHECK(wired.peer->write_queue_size() > 0);
        wired.transport().resume_reading();
        co_await rounds(10);
        CHECK(joined(wired.calls) == "made; data: 0; data: 1");
        wired.transport().abort();
        co_await rounds(2);
    });
}

TEST_CASE("close sends what has been written, receives nothing more, and then the connection is lost") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin(MemoryStreamOptions().capacity(4));
        wired.transport().write("0123456789");
        wired.transport().close();
        wired.transport().close();
        CHECK(wired.transport().is_closing());
        co_await wired.peer->write_all(bytes("x"));
        co_await rounds(5);
        CHECK(joined(wired.calls) == "made");
        const std::string text = co_await read_all(*wired.peer);
        CHECK(text == "0123456789");
        co_await rounds(3);
        CHECK(joined(wired.calls) == "made; lost: none");
    });
}

TEST_CASE("abort drops what has not been sent, also when the transport is closing already") {
    for (const bool closing : {false, true}) {
        run_in_loop([closing](EventLoop&) -> Coro<> {
            Wired<Recording> wired;
            co_await wired.begin(MemoryStreamOptions().capacity(4));
            wired.transport().write("0123456789");
            if (closing) wired.transport().close();
            wired.transport().abort();
            wired.transport().abort();
            const std::string text = co_await read_all(*wired.peer);
            CHECK(text == "0123");
            co_await rounds(3);
            CHECK(joined(wired.calls) == "made; lost: none");
        });
    }
}

TEST_CASE("a protocol that was paused when it closes is resumed before it is lost, unless it is aborted") {
    for (const bool abort : {false, true}) {
        run_in_loop([abort](EventLoop&) -> Coro<> {
            Wired<Recording> wired;
            co_await wired.begin(MemoryStreamOptions().capacity(0));
            wired.transport().write(std::string(70'000, 'x'));
            wired.transport().close();
            if (abort) wired.transport().abort();
            static_cast<void>(co_await read_all(*wired.peer));
            co_await rounds(3);
            CHECK(joined(wired.calls) ==
                  (abort ? "made; pause; lost: none" : "made; pause; resume; lost: none"));
        });
    }
}

TEST_CASE("rule 89: write_eof ends the write direction after what has been written") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin(MemoryStreamOptions().capacity(2));
        Transport& transport = wired.transport();
        CHECK(transport.can_write_eof());
        transport.write("question");
        transport.write_eof();
        transport.write_eof();
        CHECK(thrown_by([&] { transport.write("more"); }) ==
              "write: this transport's write direction has been ended by write_eof");
        const std::string question = co_await read_all(*wired.peer);
        CHECK(question == "question");
        co_await wired.peer->write_all(bytes("answer"));
        wired.peer->close();
        co_await until([&] { return wired.calls.back().starts_with("lost"); });
        CHECK(wired.calls.at(1).starts_with("data: an"));
        CHECK(wired.calls.back() == "lost: none");
    });
}

TEST_CASE("rule 89: what is written after the end goes nowhere; that is reported when it goes on") {
    TestLoop test;
    test.loop.run_until_complete([](Calls& reports) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin();
        wired.transport().close();
        for (int i = 0; i < 4; ++i) wired.transport().write("x");
        co_await rounds(3);
        CHECK(reports.empty());
        for (int i = 0; i < 10; ++i) wired.transport().write("x");
        wired.transport().write_eof();
        const std::string text = co_await read_all(*wired.peer);
        CHECK(text.empty());
    }(test.reports));
    CHECK(joined(test.reports) == "a protocol goes on writing to a memory stream, which is closed");
}

TEST_CASE("a write that fails loses the connection, from the loop") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin();
        wired.peer->close();
        wired.transport().write("x");
        wired.transport().write("y");
        CHECK(joined(wired.calls) == "made");
        co_await rounds(5);
        REQUIRE(wired.calls.size() == 2);
        CHECK(wired.calls[1].starts_with("lost: write to a memory stream: broken pipe"));
    });
}

TEST_CASE("a connection that breaks while bytes wait to be sent is lost with the error") {
    for (const bool closing : {false, true}) {
        run_in_loop([closing](EventLoop&) -> Coro<> {
            Wired<Recording> wired;
            co_await wired.begin(MemoryStreamOptions().capacity(0));
            wired.protocol().keep_open = true;
            wired.transport().write("x");
            if (closing) wired.transport().close();
            co_await rounds(3);
            wired.peer->close();
            co_await rounds(5);
            CHECK(joined(wired.calls).ends_with("lost: write to a memory stream: broken pipe"));
        });
    }
}

TEST_CASE("a transport can be used up from within each callback") {
    for (const std::string where : {"made", "data", "eof"}) {
        for (const bool abort : {false, true}) {
            run_in_loop([where, abort](EventLoop&) -> Coro<> {
                Calls calls;
                const auto make = [&calls, &where, abort] {
                    auto protocol = std::make_unique<Recording>(calls);
                    Recording* const p = protocol.get();
                    p->on_call = [p, &where, abort](const std::string& call) {
                        if (!call.starts_with(where)) return;
                        p->transport->write("last");
                        abort ? p->transport->abort() : p->transport->close();
                    };
                    return protocol;
                };
                auto ends = testing::MemoryStream::pair();
                auto connection = co_await create_transport(make, std::move(ends.first));
                const std::error_code ignored = co_await error_of(ends.second.write_all(bytes("x")));
                static_cast<void>(ignored);
                if (where != "made") co_await ends.second.shutdown_write();
                const std::string text = co_await read_all(ends.second);
                CHECK(text == "last");
                co_await rounds(5);
                CHECK(calls.back() == "lost: none");
                CHECK(calls.size() == (where == "made" ? 2U : where == "data" ? 3U : 4U));
            });
        }
    }
}

TEST_CASE("a transport belongs to the loop that runs, and to a stream that is open") {
    EventLoop other;
    auto foreign = testing::MemoryStream::pair(other);
    run_in_loop([&foreign](EventLoop&) -> Coro<> {
        Calls calls;
        const auto make = [&calls] { return std::make_unique<Recording>(calls); };
        const std::string error = co_await outcome(create_transport(make, std::move(foreign.first)));
        CHECK(error == "a transport cannot be made of a stream that belongs to another loop");
        auto ends = testing::MemoryStream::pair();
        ends.first.close();
        const std::string closed = co_await outcome(create_transport(make, std::move(ends.first)));
        CHECK(contains(closed, "a stream that is closed"));
        const auto nothing = [] { return std::unique_ptr<Recording>(); };
        const std::string none = co_await outcome(create_transport(nothing, std::move(ends.second)));
        CHECK(none == "a protocol factory has given no protocol");
        CHECK(calls.empty());
    });
}

TEST_CASE("much that comes at a time is received in one piece of memory, and little in another") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        class Sum final : public Protocol {
        public:
            void data_received(std::span<const std::byte> data) override { text += text_of(data); }
            std::string text;
        };
        StreamPair ends;
        const auto make = [] { return std::make_unique<Sum>(); };
        auto connection = co_await create_transport(make, std::move(ends.a));
        std::string sent;
        for (const std::size_t size : {10U, 300'000U, 5U, 100'000U, 40'000U, 1U, 1'000'000U}) {
            const std::string text = long_text(size);
            co_await ends.b.write_all(bytes(text));
            sent += text;
            co_await until([&] { return connection.protocol().text.size() == sent.size(); });
        }
        CHECK(connection.protocol().text == sent);
        connection.transport().abort();
        co_await rounds(3);
    });
}
