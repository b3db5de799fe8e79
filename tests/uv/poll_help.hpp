#pragma once

/// A poll handler that notes what it is told.

#include <aio/uv/poll.hpp>

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

} // namespace uv_test
