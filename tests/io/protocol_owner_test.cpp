// Whose a protocol is, how long it lives, and how another takes its place.

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

TEST_CASE("the transport owns a protocol of its factory's, which lives as long as somebody can ask for it") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin();
        wired.protocol().tell_destroyed = true;
        wired.transport().close();
        co_await rounds(3);
        CHECK(joined(wired.calls) == "made; lost: none");
        CHECK_THROWS_AS(static_cast<void>(wired.transport().get_protocol()), RuntimeError);
        wired.connection.reset();
        CHECK(joined(wired.calls) == "made; lost: none; destroyed");
    });
}

TEST_CASE("a protocol that nobody asks for goes when its connection is lost") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin();
        wired.protocol().tell_destroyed = true;
        wired.connection.reset();
        co_await rounds(3);
        CHECK(joined(wired.calls) == "made");
        wired.peer->close();
        co_await rounds(5);
        CHECK(joined(wired.calls) == "made; eof; lost: none; destroyed");
    });
}

TEST_CASE("a protocol of the program's own can be used again when its connection is lost") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Calls calls;
        Recording protocol(calls);
        const auto give = [&protocol]() -> Recording& { return protocol; };
        for (int i = 0; i < 2; ++i) {
            auto ends = testing::MemoryStream::pair();
            auto connection = co_await create_transport(give, std::move(ends.first));
            ends.second.close();
            co_await rounds(5);
        }
        CHECK(joined(calls) == "made; eof; lost: none; made; eof; lost: none");
    });
}

TEST_CASE("a protocol has one transport at a time") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Calls calls;
        Recording protocol(calls);
        const auto give = [&protocol]() -> Recording& { return protocol; };
        auto ends = testing::MemoryStream::pair();
        auto connection = co_await create_transport(give, std::move(ends.first));
        const std::string second = co_await outcome(create_transport(give, std::move(ends.second)));
        CHECK(second == "this protocol belongs to another transport");
        co_await rounds(5);
        CHECK(joined(calls) == "made; eof; lost: none");
    });
}

TEST_CASE("a protocol that is destroyed aborts its connection, and is told nothing") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Calls calls;
        auto protocol = std::make_unique<Recording>(calls);
        const auto give = [&protocol]() -> Recording& { return *protocol; };
        auto ends = testing::MemoryStream::pair();
        auto connection = co_await create_transport(give, std::move(ends.first));
        protocol.reset();
        CHECK(connection.transport().is_closing());
        connection.transport().write("nothing");
        const std::string rest = co_await read_all(ends.second);
        CHECK(rest.empty());
        co_await rounds(3);
        CHECK(joined(calls) == "made");
    });
}

TEST_CASE("a protocol may destroy itself in a callback") {
    for (const std::string where : {"data", "eof", "lost"}) {
        run_in_loop([where](EventLoop&) -> Coro<> {
            Calls calls;
            auto protocol = std::make_unique<Recording>(calls);
            protocol->on_call = [&protocol, place = where](const std::string& call) {
                // What runs must stay until it has returned.
                if (call.starts_with(place)) {
                    const auto keep = std::move(protocol->on_call);
                    protocol.reset();
                }
            };
            const auto give = [&protocol]() -> Recording& { return *protocol; };
            auto ends = testing::MemoryStream::pair();
            auto connection = co_await create_transport(give, std::move(ends.first));
            co_await ends.second.write_all(bytes("x"));
            co_await ends.second.shutdown_write();
            co_await rounds(8);
            CHECK(protocol == nullptr);
            CHECK(connection.transport().is_closing());
        });
    }
}

TEST_CASE("set_protocol gives what comes next to another protocol") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<Recording> wired;
        co_await wired.begin();
        Calls other;
        wired.protocol().on_call = [&](const std::string& call) {
            if (call == "data: switch")
                wired.transport().set_protocol(std::make_unique<BufferedRecording>(other));
        };
        co_await wired.peer->write_all(bytes("switch"));
        co_await rounds(5);
        co_await wired.peer->write_all(bytes("rest"));
        co_await rounds(5);
        CHECK(dynamic_cast<BufferedRecording*>(&wired.transport().get_protocol()) != nullptr);
        wired.peer->close();
        co_await rounds(5);
        CHECK(joined(wired.calls) == "made; data: switch");
        CHECK(joined(other) == "data: rest; eof; lost: none");
    });
}

TEST_CASE("set_protocol passes on what has been read and not told") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Wired<BufferedRecording> wired;
        co_await wired.begin();
        Calls other;
        Recording next(other);
        wired.protocol().on_call = [&](const std::string&) { wired.transport().pause_reading(); };
        co_await wired.peer->write_all(bytes("first"));
        co_await rounds(5);
        co_await wired.peer->write_all(bytes("second"));
        co_await rounds(5);
        wired.transport().set_protocol(next);
        co_await rounds(5);
        CHECK(other.empty());
        wired.transport().resume_reading();
        co_await rounds(5);
        CHECK(joined(wired.calls) == "made; data: first");
        CHECK(joined(other) == "data: second");
        wired.transport().abort();
        co_await rounds(2);
        CHECK(joined(other) == "data: second; lost: none");
    });
}

TEST_CASE("when the loop is closed protocols are destroyed and told nothing, whatever they are at") {
    enum class Stage { before_made, made, data_on_its_way, end_on_its_way, sending, closing, aborted };
    for (const Stage stage : {Stage::before_made, Stage::made, Stage::data_on_its_way, Stage::end_on_its_way,
                              Stage::sending, Stage::closing, Stage::aborted}) {
        CAPTURE(static_cast<int>(stage));
        Calls calls;
        std::optional<testing::MemoryStream> peer;
        {
            EventLoop loop;
            const auto body = [&calls, &peer, stage]() -> Coro<> {
                auto ends = testing::MemoryStream::pair(MemoryStreamOptions().capacity(10));
                peer.emplace(std::move(ends.second));
                auto protocol = std::make_unique<Recording>(calls);
                protocol->tell_destroyed = true;
                Recording& p = *protocol;
                const detail::Ref<Transport> transport =
                    Transport::start(std::move(ends.first), p, std::move(protocol));
                if (stage == Stage::before_made) throw SystemExit();
                co_await rounds(3);
                if (stage == Stage::data_on_its_way) co_await peer->write_all(bytes("x"));
                if (stage == Stage::end_on_its_way) peer->close();
                if (stage == Stage::sending || stage == Stage::closing) transport->write(long_text(100));
                if (stage == Stage::closing) transport->close();
                if (stage == Stage::aborted) transport->abort();
                throw SystemExit();
            };
            CHECK_THROWS_AS(loop.run_until_complete(body()), SystemExit);
        }
        CHECK(joined(calls) == (stage == Stage::before_made ? "destroyed" : "made; destroyed"));
    }
}

TEST_CASE("a protocol whose destructor uses its transport finds that closed") {
    class Clinging final : public Protocol {
    public:
        explicit Clinging(int& writes) : writes_(writes) {}
        ~Clinging() override {
            for (int i = 0; i < 10; ++i, ++writes_) transport_->write("x");
            transport_->close();
            transport_->abort();
            transport_->resume_reading();
        }
        void connection_made(Transport& transport) override { transport_ = &transport; }

    private:
        Transport* transport_ = nullptr;
        int& writes_;
    };
    int writes = 0;
    {
        TestLoop test;
        const auto body = [&writes]() -> Coro<> {
            auto ends = testing::MemoryStream::pair();
            const auto make = [&writes] { return std::make_unique<Clinging>(writes); };
            co_await create_transport(make, std::move(ends.first));
            co_await rounds(3);
        };
        test.loop.run_until_complete(body());
    }
    CHECK(writes == 10);
}
