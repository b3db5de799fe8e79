#pragma once

/// What other threads send to a loop.
///
/// One mailbox per loop, one wake-up handle behind it. Threads append items under a lock and wake the loop
/// only when the list was empty; the loop takes the whole list at once. The mailbox outlives its loop for as
/// long as somebody may still send to it: posting to a closed one is refused, not a crash.

#include <atomic>
#include <memory>
#include <mutex>

namespace aio::uv {
class Async;
}

namespace aio::detail {

class MailboxItem;

/// The link of a `MailboxItem`, for the mailbox alone.
class MailboxLink {
    friend class Mailbox;
    MailboxItem* next_ = nullptr;
};

/// Something sent to a loop from another thread. It belongs to the mailbox from `post` until `deliver` or
/// `drop`.
class MailboxItem : public MailboxLink {
public:
    /// Runs on the loop's thread.
    virtual void deliver() noexcept = 0;
    /// Called instead of `deliver`, on the closing thread, when the loop is closed first.
    virtual void drop() noexcept = 0;

protected:
    MailboxItem() = default;
    ~MailboxItem() = default;
};

/// A loop's queue for other threads. All members are thread-safe except `deliver_all` and `close`.
class Mailbox {
public:
    explicit Mailbox(uv::Async& wake) noexcept : wake_(&wake) {}
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    /// Sends an item. False, with the item untouched, if the loop is closed.
    [[nodiscard]] bool try_post(MailboxItem& item) noexcept;
    /// Sends an item, or drops it if the loop is closed.
    void post(MailboxItem& item) noexcept {
        if (!try_post(item)) item.drop();
    }

    /// Whether nothing is waiting to be delivered.
    [[nodiscard]] bool empty() const noexcept { return first_.load(std::memory_order_acquire) == nullptr; }

    /// Delivers what has come, on the loop's thread.
    void deliver_all() noexcept;
    /// Refuses further items and drops what is there.
    void close() noexcept;

private:
    MailboxItem* take() noexcept;

    std::mutex mutex_;
    uv::Async* wake_;
    /// Written under the lock.
    std::atomic<MailboxItem*> first_ = nullptr;
    MailboxItem* last_ = nullptr;
};

} // namespace aio::detail
