#pragma once

/// Turns a loop until something has happened, or fails the test after ten seconds.

#include <functional>
#include <vector>

#include <doctest/doctest.h>

#include <aio/uv/completion.hpp>
#include <aio/uv/loop.hpp>
#include <aio/uv/timer.hpp>

namespace uv_test {

inline void run_until(aio::uv::Loop& loop, const std::function<bool()>& happened) {
    bool late = false;
    aio::uv::Timer guard(
        loop, aio::uv::Callback([](void* flag) noexcept { *static_cast<bool*>(flag) = true; }, &late));
    guard.start(10000);
    while (!happened() && !late) loop.run(aio::uv::Loop::Mode::once);
    REQUIRE(happened());
}

/// A completion that notes its calls.
struct Noted : aio::uv::Completion {
    Noted() noexcept
        : Completion([](Completion& self, int s) noexcept {
              auto& noted = static_cast<Noted&>(self);
              noted.status = s;
              ++noted.calls;
          }) {}
    int status = 0;
    int calls = 0;
};

/// A callback that counts its calls.
struct Counter {
    aio::uv::Callback callback() noexcept {
        return aio::uv::Callback([](void* self) noexcept { ++static_cast<Counter*>(self)->calls; }, this);
    }
    int calls = 0;
};

} // namespace uv_test
