#include <aio/io/signal_stream.hpp>

#include <algorithm>
#include <new>
#include <string>
#include <system_error>

#include <aio/core/event_loop.hpp>

namespace aio {
namespace detail {

SignalStreamState::SignalStreamState(EventLoop& loop, const std::vector<int>& signals)
    : queue_(loop.state()) {
    if (signals.empty()) throw ValueError("SignalStream: there must be at least one signal");
    for (const int signum : signals) {
        if (std::ranges::any_of(watches_, [&](const auto& known) { return known->signum == signum; }))
            continue;
        auto watch = std::make_unique<Watch>(*this, signum, loop.bindings());
        try {
            watch->signal.start(signum, uv::bind<&Watch::on_signal>(*watch));
        } catch (const std::system_error&) {
            if (uv::is_signal(signum))
                throw RuntimeError("signal " + std::to_string(signum) + " cannot be caught");
            throw ValueError("no signal has the number " + std::to_string(signum));
        }
        watches_.push_back(std::move(watch));
    }
    loop.state().resources.push_back(*this);
}

void SignalStreamState::close() noexcept {
    watches_.clear();
    queue_.close();
    unlink();
}

void SignalStreamState::on_signal(int signum) noexcept {
    const auto& events = queue_.events();
    if (std::ranges::find(events, std::variant<int, EventError>(signum)) != events.end()) return;
    try {
        queue_.push(signum);
    } catch (const std::bad_alloc&) {
        // There is no memory to tell of it.
        return;
    }
}

} // namespace detail

SignalStream::SignalStream(const std::vector<int>& signals) : SignalStream(get_running_loop(), signals) {}

} // namespace aio
