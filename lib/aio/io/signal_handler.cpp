#include <aio/io/signal_handler.hpp>

#include <string>
#include <system_error>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>

namespace aio::detail {

SignalHandlerState::SignalHandlerState(EventLoop& loop) : loop_(&loop.state()), context_(copy_context()) {}

SignalHandlerState::~SignalHandlerState() = default;

void SignalHandlerState::start(EventLoop& loop, int signum) {
    auto signal = std::make_unique<uv::Signal>(loop.bindings());
    try {
        signal->start(signum, uv::bind<&SignalHandlerState::on_signal>(*this));
    } catch (const std::system_error&) {
        if (uv::is_signal(signum))
            throw RuntimeError("signal " + std::to_string(signum) + " cannot be caught");
        throw ValueError("no signal has the number " + std::to_string(signum));
    }
    signal_ = std::move(signal);
    loop_->resources.push_back(*this);
}

void SignalHandlerState::stop() noexcept {
    signal_.reset();
    unlink();
}

void SignalHandlerState::on_signal() noexcept {
    if (queued_) return;
    queued_ = true;
    retain();
    loop_->ready.push(*this);
}

void SignalHandlerState::run() noexcept {
    queued_ = false;
    if (signal_ != nullptr) {
        const ContextScope scope(context_);
        try {
            invoke();
        } catch (...) {
            loop_->report_current_exception("Exception in a signal handler");
        }
    }
    release();
}

void SignalHandlerState::drop() noexcept {
    queued_ = false;
    release();
}

} // namespace aio::detail
