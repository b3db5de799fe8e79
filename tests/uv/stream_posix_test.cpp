#include <aio/uv/stream.hpp>

#include <doctest/doctest.h>
#include <uv.h>

#include "byte_reader.hpp"
#include "run_until.hpp"
#include "stream_pair.hpp"

using uv_test::bytes;
using uv_test::Noted;
using uv_test::Pair;
namespace uv = aio::uv;

TEST_CASE("uv stream: a peer that has gone is an error of the write, not a signal") {
    Pair pair;
    pair.b.close();
    for (int i = 0; i < 2; ++i) pair.loop.run(uv::Loop::Mode::no_wait);
    CHECK(pair.a.try_write(bytes("x")) == UV_EPIPE);
    CHECK(pair.a.queue(bytes("x")) == UV_EPIPE);
    Noted done;
    CHECK(pair.a.write(bytes("x"), done) == UV_EPIPE);
    CHECK(pair.a.shutdown(done) == UV_EPIPE);
    CHECK(done.calls == 0);
}
