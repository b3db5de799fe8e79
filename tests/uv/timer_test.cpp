#include <aio/uv/timer.hpp>

#include <doctest/doctest.h>

#include <aio/uv/loop.hpp>

#include "run_until.hpp"

namespace uv = aio::uv;

TEST_CASE("uv timer: fires once, and a new start replaces the old one") {
    uv::Loop loop;
    uv_test::Counter fired;
    uv::Timer timer(loop, fired.callback());
    timer.start(1000000);
    timer.start(1);
    CHECK(!loop.run());
    CHECK(fired.calls == 1);
}

TEST_CASE("uv timer: a stopped timer does not fire, and one that does not count leaves the loop dead") {
    uv::Loop loop;
    uv_test::Counter fired;
    uv::Timer timer(loop, fired.callback());
    timer.start(0);
    timer.stop();
    CHECK(!loop.run());
    CHECK(fired.calls == 0);
    timer.keep_alive(false);
    timer.start(1000000);
    CHECK(!loop.alive());
    timer.keep_alive(true);
    CHECK(loop.alive());
}

TEST_CASE("uv timer: may be destroyed while started") {
    uv::Loop loop;
    uv_test::Counter fired;
    {
        uv::Timer(loop, fired.callback()).start(0);
    }
    loop.run();
    CHECK(fired.calls == 0);
}
