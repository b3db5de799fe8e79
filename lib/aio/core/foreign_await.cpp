#include <aio/core/foreign_await.hpp>

#include <aio/core/event_loop.hpp>

namespace aio::detail {

void ForeignWait::find_way_back() {
    EventLoop& loop = this->loop().require_loop();
    mailbox_ = loop.mailbox();
    loop.expect_post();
}

void ForeignWait::come_back() noexcept {
    if (EventLoop* const loop = this->loop().loop) loop->expect_post_no_longer();
    wake();
}

void ForeignWait::wake_from_anywhere() noexcept {
    if (running_loop_state() == &loop())
        come_back();
    else {
        // Once it is posted, the loop may destroy this, and even close, before the call returns.
        const std::shared_ptr<Mailbox> mailbox = mailbox_;
        mailbox->post(*this);
    }
}

} // namespace aio::detail
