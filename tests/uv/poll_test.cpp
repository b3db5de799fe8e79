#include <aio/uv/poll.hpp>

#include <doctest/doctest.h>

#include <aio/uv/loop.hpp>
#include <aio/uv/pipe.hpp>

#include "byte_reader.hpp"
#include "poll_help.hpp"
#include "run_until.hpp"

namespace uv = aio::uv;
using uv_test::Seen;

TEST_CASE("uv poll: tells that a socket is readable until it has been read, and not after stop") {
    uv::Loop loop;
    uv::PipeEnds ends = uv::make_socket_pair();
    uv::Pipe writer(loop, std::move(ends.write));
    uv_test::check_readable_until_read(loop, ends.read,
                                       [&] { REQUIRE(writer.try_write(uv_test::bytes("x")) == 1); });
}

TEST_CASE("uv poll: tells that the other end has gone") {
    uv::Loop loop;
    uv::PipeEnds ends = uv::make_socket_pair();
    Seen seen;
    uv::Poll poll(loop, ends.read.get(), uv::bind_poll<&Seen::on_event>(seen));
    poll.start(uv::PollEvents::readable | uv::PollEvents::disconnected);
    ends.write.close();
    uv_test::run_until(loop, [&] { return seen.calls > 0; });
    CHECK((seen.events & uv::PollEvents::disconnected));
}

TEST_CASE("uv poll: a handle that does not count leaves the loop dead") {
    uv::Loop loop;
    uv::PipeEnds ends = uv::make_socket_pair();
    Seen seen;
    uv::Poll poll(loop, ends.read.get(), uv::bind_poll<&Seen::on_event>(seen));
    poll.start(uv::PollEvents::readable);
    CHECK(loop.alive());
    poll.keep_alive(false);
    CHECK(!loop.alive());
}
