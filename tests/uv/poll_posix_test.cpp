#include <aio/uv/poll.hpp>

#include <doctest/doctest.h>
#include <unistd.h>

#include <aio/uv/loop.hpp>
#include <aio/uv/pipe.hpp>

#include "poll_help.hpp"
#include "run_until.hpp"

namespace uv = aio::uv;
using uv_test::Seen;

TEST_CASE("uv poll: tells that a descriptor is readable until it has been read, and not after stop") {
    uv::Loop loop;
    uv::PipeEnds ends = uv::make_pipe();
    Seen seen;
    uv::Poll poll(loop, ends.read.get(), uv::bind_poll<&Seen::on_event>(seen));
    poll.start(uv::PollEvents::readable | uv::PollEvents::disconnected);
    CHECK(poll.active());
    loop.run(uv::Loop::Mode::no_wait);
    CHECK(seen.calls == 0);
    REQUIRE(::write(ends.write.get(), "x", 1) == 1);
    uv_test::run_until(loop, [&] { return seen.calls == 2; });
    CHECK(seen.status == 0);
    CHECK((seen.events & uv::PollEvents::readable));
    CHECK(!(seen.events & uv::PollEvents::disconnected));
    poll.stop();
    CHECK(!poll.active());
    loop.run(uv::Loop::Mode::no_wait);
    CHECK(seen.calls == 2);
}
