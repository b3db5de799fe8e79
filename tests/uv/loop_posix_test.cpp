#include <aio/uv/loop.hpp>

#include <csignal>

#include <doctest/doctest.h>

#include <aio/uv/signal.hpp>

namespace uv = aio::uv;

TEST_CASE("uv loop: making a loop ignores SIGPIPE") {
    uv::Loop loop;
    CHECK(!uv::signal_is_default(SIGPIPE));
}
