#include <aio/io/loop_signals.hpp>

#include <map>
#include <memory>
#include <string>

#include <aio/core/errors.hpp>
#include <aio/core/loop_resource.hpp>
#include <aio/uv/signal.hpp>

namespace aio {
namespace {

class LoopSignals final : public detail::LoopExtension {
public:
    std::map<int, SignalHandler> handlers;
};

/// The handlers of a loop, or null while it has none.
LoopSignals* signals_of(EventLoop& loop) noexcept {
    return static_cast<LoopSignals*>(loop.signal_extension().get());
}

} // namespace

void detail::replace_signal_handler(EventLoop& loop, int signum, SignalHandler handler) {
    std::unique_ptr<LoopExtension>& extension = loop.signal_extension();
    if (!extension) extension = std::make_unique<LoopSignals>();
    signals_of(loop)->handlers.insert_or_assign(signum, std::move(handler));
}

bool EventLoop::remove_signal_handler(int signum) {
    check_schedulable();
    if (!uv::is_signal(signum)) throw ValueError("no signal has the number " + std::to_string(signum));
    LoopSignals* const signals = signals_of(*this);
    return signals != nullptr && signals->handlers.erase(signum) > 0;
}

bool EventLoop::has_signal_handler(int signum) noexcept {
    const LoopSignals* const signals = signals_of(*this);
    return signals != nullptr && signals->handlers.contains(signum);
}

} // namespace aio
