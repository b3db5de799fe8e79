#include <aio/uv/poll.hpp>

#include <doctest/doctest.h>
#include <unistd.h>

#include <aio/uv/loop.hpp>
#include <aio/uv/pipe.hpp>

#include "poll_help.hpp"

namespace uv = aio::uv;

TEST_CASE("uv poll: tells that a descriptor is readable until it has been read, and not after stop") {
    uv::Loop loop;
    uv::PipeEnds ends = uv::make_pipe();
    uv_test::check_readable_until_read(loop, ends.read,
                                       [&] { REQUIRE(::write(ends.write.get(), "x", 1) == 1); });
}
