#include <aio/uv/pipe.hpp>

#include <string>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/loop.hpp>

#include "byte_reader.hpp"
#include "run_until.hpp"

namespace uv = aio::uv;
using uv_test::bytes;
using uv_test::Noted;
using uv_test::Reader;
using uv_test::run_until;

TEST_CASE("uv pipe: what is queued in an anonymous pipe arrives, and then its end") {
    uv::Loop loop;
    uv::PipeEnds ends = uv::make_pipe();
    uv::Pipe in(loop, std::move(ends.read));
    uv::Pipe out(loop, std::move(ends.write));
    Reader reader;
    in.set_reader(reader);
    CHECK(in.start_reading() == 0);
    CHECK(out.queue(bytes("one ")) == 0);
    CHECK(out.queue(bytes("way")) == 0);
    Noted written;
    CHECK(out.write({}, written) == 0);
    run_until(loop, [&] { return written.calls == 1; });
    CHECK(written.status == 0);
    out.close();
    run_until(loop, [&] { return reader.over; });
    CHECK(reader.text == "one way");
    CHECK(reader.status == 0);
}

TEST_CASE("uv pipe: a descriptor that is none is refused, and its handle leaves nothing behind") {
    uv::Loop loop;
    CHECK_THROWS_AS(uv::Pipe(loop, uv::Descriptor(-1)), std::system_error);
    CHECK(!loop.run());
}

TEST_CASE("uv pipe: nobody there to connect to is told") {
    uv::Loop loop;
    uv::Pipe pipe(loop);
    Noted failed;
#if defined(_WIN32)
    const std::string path = "\\\\?\\pipe\\aiouv_pipe_test_nobody";
#else
    const std::string path = "aiouv_pipe_test_nobody.sock";
#endif
    pipe.connect(path, failed);
    CHECK(failed.calls == 0);
    run_until(loop, [&] { return failed.calls == 1; });
    CHECK(failed.status == UV_ENOENT);
}
