#include <aio/uv/pipe.hpp>

#include <cstdio>
#include <string>

#include <doctest/doctest.h>
#include <unistd.h>
#include <uv.h>

#include <aio/uv/listener.hpp>
#include <aio/uv/loop.hpp>

#include "byte_reader.hpp"
#include "run_until.hpp"

namespace uv = aio::uv;
using uv_test::bytes;
using uv_test::Noted;
using uv_test::Reader;
using uv_test::run_until;

TEST_CASE("uv pipe: adopting takes the descriptor over and closes it") {
    uv::Loop loop;
    uv::PipeEnds ends = uv::make_pipe();
    const int fd = ends.read.get();
    {
        uv::Pipe in(loop, std::move(ends.read));
        CHECK(!ends.read.valid());
        CHECK(in.descriptor() == fd);
    }
    loop.run();
    CHECK(uv::Descriptor(::dup(fd)).valid() == false);
}

TEST_CASE("uv pipe: connects to a Unix domain socket, and tells why it cannot") {
    uv::Loop loop;
    const std::string path = "aiouv_pipe_test_" + std::to_string(::getpid()) + ".sock";
    uv_test::Counter ready;
    uv::Listener listener(loop, uv::listen_unix(path), ready.callback());
    listener.start_watching();
    uv::Pipe client(loop);
    Noted connected;
    client.connect(path, connected);
    CHECK(connected.calls == 0);
    run_until(loop, [&] { return connected.calls == 1 && ready.calls > 0; });
    CHECK(connected.status == 0);
    uv::Listener::Accepted accepted = listener.accept();
    REQUIRE(accepted.status() == 0);
    uv::Pipe server(loop, accepted.connection().take_descriptor());
    Reader reader;
    client.set_reader(reader);
    client.start_reading();
    server.try_write(bytes("hi"));
    run_until(loop, [&] { return reader.text == "hi"; });
    std::remove(path.c_str());

    uv::Pipe other(loop);
    Noted failed;
    other.connect(path, failed);
    run_until(loop, [&] { return failed.calls == 1; });
    CHECK(failed.status == UV_ENOENT);
    CHECK_THROWS_AS(other.connect(std::string(1000, 'x'), failed), std::system_error);
}
