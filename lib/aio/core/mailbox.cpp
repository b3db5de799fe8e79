#include <aio/core/mailbox.hpp>

#include <aio/uv/async.hpp>

namespace aio::detail {

bool Mailbox::try_post(MailboxItem& item) noexcept {
    const std::lock_guard lock(mutex_);
    if (wake_ == nullptr) return false;
    item.next_ = nullptr;
    if (empty()) {
        first_.store(&item, std::memory_order_release);
        // Under the lock, so that the handle cannot be closed while it is used.
        wake_->send();
    } else {
        last_->next_ = &item;
    }
    last_ = &item;
    return true;
}

MailboxItem* Mailbox::take() noexcept {
    const std::lock_guard lock(mutex_);
    return first_.exchange(nullptr, std::memory_order_acq_rel);
}

void Mailbox::deliver_all() noexcept {
    for (MailboxItem* item = take(); item != nullptr;) {
        MailboxItem* const next = item->next_;
        item->deliver();
        item = next;
    }
}

void Mailbox::close() noexcept {
    {
        const std::lock_guard lock(mutex_);
        wake_ = nullptr;
    }
    for (MailboxItem* item = take(); item != nullptr;) {
        MailboxItem* const next = item->next_;
        item->drop();
        item = next;
    }
}

} // namespace aio::detail
