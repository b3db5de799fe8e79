#include <aio/uv/async.hpp>

#include <atomic>
#include <thread>

#include <doctest/doctest.h>

#include <aio/uv/loop.hpp>

#include "run_until.hpp"

namespace uv = aio::uv;

TEST_CASE("uv async: a send from another thread wakes the loop") {
    uv::Loop loop;
    uv_test::Counter woken;
    uv::Async async(loop, woken.callback());
    std::thread sender([&] { async.send(); });
    uv_test::run_until(loop, [&] { return woken.calls > 0; });
    sender.join();
}

TEST_CASE("uv async: sends before the callback are merged, one after it is not lost") {
    uv::Loop loop;
    uv_test::Counter woken;
    uv::Async async(loop, woken.callback());
    for (int i = 0; i < 100; ++i) async.send();
    loop.run(uv::Loop::Mode::once);
    CHECK(woken.calls == 1);
    async.send();
    loop.run(uv::Loop::Mode::once);
    CHECK(woken.calls == 2);
}

TEST_CASE("uv async: keeps the loop alive unless told not to") {
    uv::Loop loop;
    uv_test::Counter woken;
    uv::Async async(loop, woken.callback());
    CHECK(loop.alive());
    async.keep_alive(false);
    CHECK(!loop.alive());
}
