#pragma once

/// What the tests of locks, queues and channels share.

#include <string>
#include <utility>
#include <vector>

#include <aio/core/event_loop.hpp>
#include <aio/core/suspension.hpp>

#include "support/loop_help.hpp"

namespace aio::test {

/// What happened, in order.
using Log = std::vector<std::string>;

/// The same as one text, for failing checks to show.
inline std::string lines(const Log& log) {
    std::string text;
    for (const std::string& line : log) text += line + "\n";
    return text;
}

/// What a task waits for, as it would be reported; "nothing" if it does not wait.
template <class T>
std::string waits_for(const Task<T>& task) {
    const detail::Suspension* const at = task.task().waiting_on();
    return at == nullptr ? "nothing" : at->description();
}

/// Sees whether anything else had a turn since it was made.
class TurnWatch {
public:
    explicit TurnWatch(EventLoop& loop) : handle_(loop.call_soon([this] { taken_ = true; })) {}
    ~TurnWatch() { handle_.cancel(); }
    TurnWatch(const TurnWatch&) = delete;
    TurnWatch& operator=(const TurnWatch&) = delete;
    [[nodiscard]] bool taken() const noexcept { return taken_; }

private:
    bool taken_ = false;
    Handle handle_;
};

/// How `awaitable` ends in a second loop, one that is not running.
template <class A>
std::string outcome_elsewhere(A awaitable) {
    TestLoop other;
    return other.loop.run_until_complete(outcome(std::move(awaitable)));
}

} // namespace aio::test
