#pragma once

/// What a call in a worker process reports, on its way to who listens.

#include <functional>
#include <memory>
#include <optional>

#include <aio/core/event_loop.hpp>
#include <aio/workers/progress.hpp>

namespace aio::detail {

/// Keeps the last report until the loop has had time to call the listener: however many come meanwhile, no
/// more than one is kept. On the loop's thread.
class ProgressRelay : public std::enable_shared_from_this<ProgressRelay> {
public:
    explicit ProgressRelay(std::function<void(const Progress&)> listener) : listener_(std::move(listener)) {}

    void post(EventLoop& loop, const Progress& progress);

private:
    void deliver();

    std::function<void(const Progress&)> listener_;
    std::optional<Progress> latest_;
};

} // namespace aio::detail
