#include <aio/executors/wrap_future.hpp>

namespace aio::detail {

FutureBridge::FutureBridge(EventLoop& loop, Ref<FutureState> future,
                           std::shared_ptr<ConcurrentState> concurrent)
    : loop_(&loop.state()),
      mailbox_(loop.mailbox()),
      future_(std::move(future)),
      concurrent_(std::move(concurrent)) {}

void FutureBridge::connect(std::shared_ptr<FutureBridge> bridge) {
    FutureBridge& self = *bridge;
    self.loop_->check_open();
    self.held_by_future_ = bridge;
    self.future_->add_callback(self);
    self.loop_->resources.push_back(self);
    self.loop_->require_loop().expect_post();
    // Last, because it may be done already, or be completed by another thread meanwhile.
    self.concurrent_->add_callback(std::move(bridge));
}

std::shared_ptr<FutureBridge> FutureBridge::let_go() noexcept {
    if (future_ && loop_->loop != nullptr) loop_->loop->expect_post_no_longer();
    FutureCallback::unlink();
    LoopResource::unlink();
    future_ = Ref<FutureState>();
    return std::move(held_by_future_);
}

void FutureBridge::on_completed() noexcept {
    if (running_loop_state() == loop_) {
        transfer();
        return;
    }
    held_by_mailbox_ = shared_from_this();
    mailbox_->post(*this);
}

void FutureBridge::deliver() noexcept {
    const std::shared_ptr<FutureBridge> keep = std::move(held_by_mailbox_);
    transfer();
}

void FutureBridge::transfer() noexcept {
    if (!future_) return;
    FutureCallback::unlink();
    FutureState& target = *future_;
    try {
        concurrent_->require_result();
        transfer_value();
    } catch (const CancelledError& e) {
        if (concurrent_->status() == ConcurrentState::Status::cancelled)
            target.cancel(e.message());
        else
            target.set_cancelled_error(e.message());
    } catch (...) {
        target.set_exception(std::current_exception());
    }
    const auto keep = let_go();
}

void FutureBridge::on_done() noexcept {
    const bool cancelled = future_->cancelled();
    const auto keep = let_go();
    if (cancelled && !concurrent_->cancel()) concurrent_->request_stop();
}

} // namespace aio::detail
