#include <aio/uv/poll.hpp>

#include <doctest/doctest.h>
#include <unistd.h>

#include <aio/uv/loop.hpp>
#include <aio/uv/pipe.hpp>

#include "run_until.hpp"

namespace uv = aio::uv;

namespace {

struct Seen {
    void on_event(int s, uv::PollEvents e) noexcept {
        ++calls;
        status = s;
        events = e;
    }
    int calls = 0;
    int status = 0;
    uv::PollEvents events = uv::PollEvents::none;
};

} // namespace

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
    uv::PipeEnds ends = uv::make_pipe();
    Seen seen;
    uv::Poll poll(loop, ends.read.get(), uv::bind_poll<&Seen::on_event>(seen));
    poll.start(uv::PollEvents::readable);
    CHECK(loop.alive());
    poll.keep_alive(false);
    CHECK(!loop.alive());
}
