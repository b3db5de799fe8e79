#pragma once

/// What the tests of transports share: protocols that write down how they are called.

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/io/create_connection.hpp>
#include <aio/io/create_server.hpp>
#include <aio/testing/memory_stream.hpp>

#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

namespace io_test {

using Calls = std::vector<std::string>;

inline std::string text_of(std::span<const std::byte> data) { return text_of(data, data.size()); }

/// "made; data: x; lost: none".
inline std::string joined(const Calls& calls) {
    std::string all;
    for (const std::string& call : calls) all += (all.empty() ? "" : "; ") + call;
    return all;
}

/// Waits until something is so, in turns of the loop.
template <class Condition>
aio::Coro<> until(Condition condition) {
    while (!condition()) co_await aio::sleep(std::chrono::seconds(0));
}

/// Writes its calls into a list that outlives it. A function of the test may run in each of them.
template <class Base>
class RecordingOf : public Base {
public:
    explicit RecordingOf(Calls& calls) : calls_(calls) {}
    ~RecordingOf() override {
        if (tell_destroyed) calls_.emplace_back("destroyed");
    }

    void connection_made(aio::Transport& t) override {
        transport = &t;
        note("made");
    }
    bool eof_received() override {
        // It may be gone when that returns.
        const bool stays = keep_open;
        note("eof");
        return stays;
    }
    void connection_lost(std::exception_ptr error) override { note("lost: " + aio::test::text_of(error)); }
    void pause_writing() override { note("pause"); }
    void resume_writing() override { note("resume"); }

    aio::Transport* transport = nullptr;
    bool keep_open = false;
    bool tell_destroyed = false;
    /// Called with each call's text, after it has been written down.
    std::function<void(const std::string&)> on_call;

protected:
    void note(const std::string& text) {
        calls_.push_back(text);
        if (on_call) on_call(text);
    }

private:
    Calls& calls_;
};

class Recording final : public RecordingOf<aio::Protocol> {
public:
    using RecordingOf::RecordingOf;
    void data_received(std::span<const std::byte> data) override { note("data: " + text_of(data)); }
};

/// With memory of a chosen size.
class BufferedRecording final : public RecordingOf<aio::BufferedProtocol> {
public:
    explicit BufferedRecording(Calls& calls, std::size_t size = 16) : RecordingOf(calls), memory(size) {}
    std::span<std::byte> get_buffer(std::size_t) override { return memory; }
    void buffer_updated(std::size_t count) override {
        note("data: " + text_of(std::span<const std::byte>(memory).first(count)));
    }
    std::vector<std::byte> memory;
};

/// A recording protocol on one end in memory; the other end is a stream.
template <class P>
class Wired {
public:
    /// To be awaited once: makes the transport.
    template <class... Args>
    aio::Coro<> begin(aio::testing::MemoryStreamOptions options = aio::testing::MemoryStreamOptions(),
                      Args... arguments) {
        auto ends = aio::testing::MemoryStream::pair(options);
        peer.emplace(std::move(ends.second));
        const auto make = [&] { return std::make_unique<P>(calls, arguments...); };
        connection.emplace(co_await aio::create_transport(make, std::move(ends.first)));
    }
    [[nodiscard]] aio::Transport& transport() const { return connection->transport(); }
    [[nodiscard]] P& protocol() const { return connection->protocol(); }

    Calls calls;
    std::optional<aio::testing::MemoryStream> peer;
    std::optional<aio::ProtocolConnection<P>> connection;
};

inline std::uint16_t port_of(const aio::Server& server) {
    return server.sockets().at(0).address().value().port();
}

} // namespace io_test
