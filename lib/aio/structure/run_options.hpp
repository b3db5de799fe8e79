#pragma once

/// How `run` and `Runner` are to make their loop: the keyword arguments of `asyncio.run`.
///
///     return aio::run(amain(), aio::RunOptions().debug());

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <aio/core/event_loop.hpp>

namespace aio {

/// Makes the loop of a run.
using LoopFactory = std::function<std::unique_ptr<EventLoop>()>;

/// Options; setters can be chained.
class RunOptions {
public:
    RunOptions() = default;

    /// Turns the loop's debug mode on or off (`EventLoop::set_debug`). Not given, it stays as the factory has
    /// left it.
    RunOptions& debug(bool on = true) {
        debug_ = on;
        return *this;
    }
    /// Where the loop comes from; a plain `EventLoop` is made if this is empty.
    RunOptions& loop_factory(LoopFactory factory) {
        loop_factory_ = std::move(factory);
        return *this;
    }

    [[nodiscard]] std::optional<bool> debug_mode() const noexcept { return debug_; }
    /// A new loop. Throws `ValueError` if the factory returns null, and whatever it throws.
    [[nodiscard]] std::unique_ptr<EventLoop> make_loop() const;

private:
    std::optional<bool> debug_;
    LoopFactory loop_factory_;
};

} // namespace aio
