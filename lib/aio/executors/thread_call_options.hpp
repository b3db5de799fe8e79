#pragma once

/// `ThreadCallOptions`: how one call in a thread is called in reports, and what cancelling it does. For the
/// default executor, thread pools, and pools of interpreters and states.
///
///     auto options = ThreadCallOptions().name("thumbnail").wait_when_cancelled();
///     Image small = co_await loop.run_in_executor(threads, options, shrink, photo);

#include <string>
#include <utility>

namespace aio {

/// Comes before the callable in `Executor::submit`, `run_in_executor` and `to_thread`.
class ThreadCallOptions {
public:
    ThreadCallOptions() = default;

    /// What reports and statistics call it, instead of the type of its callable.
    ThreadCallOptions& name(std::string name) {
        name_ = std::move(name);
        return *this;
    }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// When the loop's future of a running call is cancelled: asks the call to stop, and becomes cancelled
    /// when it has ended, so that whoever cancels a task and awaits it knows that nothing runs any more. What
    /// the call returns is dropped then, an exception is passed on. A call that takes no `std::stop_token`
    /// holds up the cancellation to its end. Without this, the future is cancelled at once and the call goes
    /// on by itself. It has no meaning for `submit`, whose future belongs to no loop.
    ThreadCallOptions& wait_when_cancelled(bool waits = true) noexcept {
        waits_when_cancelled_ = waits;
        return *this;
    }
    [[nodiscard]] bool waits_when_cancelled() const noexcept { return waits_when_cancelled_; }

private:
    std::string name_;
    bool waits_when_cancelled_ = false;
};

} // namespace aio
