#pragma once

#include <chrono>
#include <string>

#include <aio/aio.hpp>

namespace runner_test {

inline aio::Coro<int> give(int n) {
    co_await aio::sleep(std::chrono::seconds(0));
    co_return n;
}

/// Waits until cancelled, and notes how it ended.
inline aio::Coro<> wait_for_ever(std::string& ended) {
    try {
        co_await aio::get_running_loop().create_future<>();
        ended = "value";
    } catch (const aio::CancelledError&) {
        ended = "cancelled";
        throw;
    }
}

} // namespace runner_test
