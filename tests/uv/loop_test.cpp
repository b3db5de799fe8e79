#include <aio/uv/loop.hpp>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/hooks.hpp>

#include "run_until.hpp"

namespace uv = aio::uv;

TEST_CASE("uv loop: a run without anything alive returns at once") {
    uv::Loop loop;
    CHECK(!loop.alive());
    CHECK(!loop.run());
}

TEST_CASE(
    "uv loop: hooks run around the poll, idle keeps it from waiting, and only idle keeps the loop alive") {
    uv::Loop loop;
    uv_test::Counter before;
    uv_test::Counter after;
    uv::Prepare prepare(loop, before.callback());
    uv::Check check(loop, after.callback());
    prepare.start();
    check.start();
    CHECK(!loop.alive());
    uv::Idle idle(loop);
    idle.start();
    CHECK(loop.alive());
    loop.run(uv::Loop::Mode::once);
    CHECK(before.calls == 1);
    CHECK(after.calls == 1);
    prepare.stop();
    loop.run(uv::Loop::Mode::once);
    CHECK(before.calls == 1);
    CHECK(after.calls == 2);
}

TEST_CASE("uv loop: stop ends a run after the present turn") {
    uv::Loop loop;
    uv::Idle idle(loop);
    idle.start();
    uv::Check check(loop, uv::Callback([](void* l) noexcept { static_cast<uv::Loop*>(l)->stop(); }, &loop));
    check.start();
    CHECK(loop.run());
}

TEST_CASE("uv loop: handles made through native() and forgotten do not keep a loop from closing") {
    uv_timer_t forgotten;
    uv::Loop loop;
    uv_timer_init(loop.native(), &forgotten);
    uv_timer_start(&forgotten, [](uv_timer_t*) {}, 1000000, 0);
}

TEST_CASE("uv loop: an adopted loop stays its owner's") {
    uv_loop_t native;
    REQUIRE(uv_loop_init(&native) == 0);
    {
        uv::Loop loop(&native);
        CHECK(!loop.owned());
        uv::Idle idle(loop);
        idle.start();
        CHECK(uv_loop_alive(&native) != 0);
    }
    uv_run(&native, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&native) == 0);
}

TEST_CASE("uv loop: the receive buffer is one for all, of 64 KiB") {
    uv::Loop loop;
    CHECK(loop.receive_buffer().size() == 65536);
    CHECK(loop.receive_buffer().data() == loop.receive_buffer().data());
}
