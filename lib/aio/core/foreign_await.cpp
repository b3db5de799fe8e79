#include <aio/core/foreign_await.hpp>

#include <aio/core/event_loop.hpp>

namespace aio::detail {

void ForeignWait::find_way_back() { mailbox_ = loop().require_loop().mailbox(); }

void ForeignWait::wake_from_anywhere() noexcept {
    if (running_loop_state() == &loop())
        wake();
    else {
        // Once it is posted, the loop may destroy this, and even close, before the call returns.
        const std::shared_ptr<Mailbox> mailbox = mailbox_;
        mailbox->post(*this);
    }
}

} // namespace aio::detail
