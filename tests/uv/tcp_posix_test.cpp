#include <aio/uv/tcp.hpp>

#include <optional>
#include <utility>

#include <unistd.h>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/hooks.hpp>
#include <aio/uv/listener.hpp>
#include <aio/uv/loop.hpp>

#include "byte_reader.hpp"
#include "run_until.hpp"
#include "support/socket_posix.hpp"

namespace uv = aio::uv;
using uv_test::bytes;
using uv_test::Noted;
using uv_test::run_until;

namespace {

/// Two ends of a connection. When told to, it has one reset the connection and then the other write, which
/// reads as well.
class ResetBeforeWrite final : uv::StreamReader {
public:
    explicit ResetBeforeWrite(uv::Loop& loop) : client_(loop) {
        uv_test::Counter ready;
        uv::Listener listener(loop, uv::listen_tcp(uv::Address("127.0.0.1", 0)), ready.callback());
        listener.start_watching();
        Noted connected;
        REQUIRE(client_.connect(uv::local_address(listener.socket()), connected) == 0);
        run_until(loop, [&] { return connected.calls == 1 && ready.calls > 0; });
        server_.emplace(loop, listener.accept().connection().take_descriptor());
        client_.set_reader(*this);
        REQUIRE(client_.start_reading() == 0);
    }
    void happen() noexcept {
        if (!server_) return;
        server_->reset();
        server_.reset();
        // The write is told the reset, and a read the end.
        CHECK(client_.queue(bytes("x")) == 0);
    }

    bool over = false;
    int write_error_at_the_end = 0;

private:
    std::span<std::byte> room(std::span<std::byte> shared) noexcept override { return shared; }
    void received(std::span<const std::byte>) noexcept override {}
    void ended(int) noexcept override {
        over = true;
        write_error_at_the_end = client_.write_error();
    }

    uv::Tcp client_;
    std::optional<uv::Tcp> server_;
};

} // namespace

TEST_CASE("uv tcp: a reset that a write was told is known by when the end of reading is told") {
    uv::Loop loop;
    ResetBeforeWrite both(loop);
    // Right before libuv polls.
    uv::Prepare hook(loop, uv::bind<&ResetBeforeWrite::happen>(both));
    hook.start();
    run_until(loop, [&] { return both.over; });
    CHECK(both.write_error_at_the_end == UV_ECONNRESET);
}

TEST_CASE("uv tcp: a reset is no clean end for who has read a part just before") {
    uv::Loop loop;
    uv_test::Counter ready;
    uv::Listener listener(loop, uv::listen_tcp(uv::Address("127.0.0.1", 0)), ready.callback());
    listener.start_watching();
    uv::Tcp client(loop);
    uv_test::Reader reader;
    client.set_reader(reader);
    Noted connected;
    REQUIRE(client.connect(uv::local_address(listener.socket()), connected) == 0);
    run_until(loop, [&] { return connected.calls == 1 && ready.calls > 0; });
    uv::Descriptor peer = listener.accept().connection().take_descriptor();
    REQUIRE(::write(peer.get(), "part", 4) == 4);
    aio::test::reset_when_closed(peer.get());
    peer.close();
    REQUIRE(client.start_reading() == 0);
    run_until(loop, [&] { return reader.over; });
    CHECK(reader.text == "part");
    CHECK(reader.status == UV_ECONNRESET);
}

// Windows can do this, but Wine does not know the option.
TEST_CASE("uv tcp: keep-alive can be turned on and off") {
    uv::Loop loop;
    const uv::Descriptor socket = uv::listen_tcp(uv::Address("127.0.0.1", 0));
    uv::Tcp client(loop);
    Noted connected;
    REQUIRE(client.connect(uv::local_address(socket), connected) == 0);
    run_until(loop, [&] { return connected.calls == 1; });
    REQUIRE(connected.status == 0);
    CHECK(client.set_keep_alive(true, 10) == 0);
    CHECK(client.set_keep_alive(false) == 0);
}
