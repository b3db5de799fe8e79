#pragma once

/// A poll handler that notes what it is told, and what every kind of descriptor must tell.

#include <doctest/doctest.h>

#include <aio/uv/descriptor.hpp>
#include <aio/uv/loop.hpp>
#include <aio/uv/poll.hpp>

#include "run_until.hpp"

namespace uv_test {

struct Seen {
    void on_event(int s, aio::uv::PollEvents e) noexcept {
        ++calls;
        status = s;
        events = e;
    }
    int calls = 0;
    int status = 0;
    aio::uv::PollEvents events = aio::uv::PollEvents::none;
};

/// That it is readable from when `write` has written something at its other end, until somebody reads it.
template <class Write>
void check_readable_until_read(aio::uv::Loop& loop, const aio::uv::Descriptor& descriptor, Write write) {
    using aio::uv::PollEvents;
    Seen seen;
    aio::uv::Poll poll(loop, descriptor.get(), aio::uv::bind_poll<&Seen::on_event>(seen));
    poll.start(PollEvents::readable | PollEvents::disconnected);
    CHECK(poll.active());
    loop.run(aio::uv::Loop::Mode::no_wait);
    CHECK(seen.calls == 0);
    write();
    run_until(loop, [&] { return seen.calls == 2; });
    CHECK(seen.status == 0);
    CHECK((seen.events & PollEvents::readable));
    CHECK(!(seen.events & PollEvents::disconnected));
    poll.stop();
    CHECK(!poll.active());
    loop.run(aio::uv::Loop::Mode::no_wait);
    CHECK(seen.calls == 2);
}

} // namespace uv_test
