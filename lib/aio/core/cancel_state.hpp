#pragma once

/// What a task knows of its cancellations: requests, which hit one await each, and scopes, which hit every
/// await inside them.
///
/// `Task.cancel`, timeouts and groups make *requests* (asyncio's way): each is delivered once, and counted
/// until whoever made it takes it back. A `CancelScope` that is cancelled stays so: each further suspension
/// inside it raises. A scope that *shields* holds back what comes from outside, of both kinds: requests wait
/// in the ledger of the code around the shield and are delivered when that is left, while the code inside has
/// a ledger of its own, for the timeouts and groups that are opened there.

#include <cstdint>
#include <string>

#include <aio/core/intrusive_list.hpp>
#include <aio/core/ref.hpp>

namespace aio::detail {

class TaskState;

/// The requests that are addressed to one stretch of a task's code.
class CancelLedger {
public:
    CancelLedger() = default;
    CancelLedger(const CancelLedger&) = delete;
    CancelLedger& operator=(const CancelLedger&) = delete;

    /// How many requests nobody has taken back.
    unsigned requests = 0;
    /// How many of them wait for the next suspension.
    unsigned undelivered = 0;
    /// Tells those that wait now from earlier ones.
    std::uint64_t deliveries = 1;
    /// The message of the cancellation that is pending or being delivered.
    std::string message;

    /// A `CancelledError` is being delivered: it stands for all that is pending.
    void settle() noexcept {
        undelivered = 0;
        ++deliveries;
    }
};

/// The ledger of a shield. Counted, because a timeout that was opened inside may be left open outside.
class ShieldLedger final : public RefCounted, public CancelLedger {};

/// A task's place in a scope's list of the tasks directly inside it.
class ScopeMember : public ListNode {
public:
    explicit ScopeMember(TaskState& t) noexcept : task(&t) {}
    TaskState* task;
};

/// The part of a `CancelScope` that tasks look at. Scopes form a tree: each lies in another one of its task,
/// or in the one in which its task's group was opened.
class ScopeState : public ListNode {
public:
    ScopeState() = default;
    ScopeState(const ScopeState&) = delete;
    ScopeState& operator=(const ScopeState&) = delete;

    /// The innermost scope, from this one outwards up to a shield, that is cancelled; null if none is. Kept
    /// up to date in all scopes, because scopes may lie in each other as deep as memory allows, and every
    /// suspension asks.
    [[nodiscard]] const ScopeState* cancelled_around() const noexcept { return cancelled_around_; }
    /// Works that out anew, when this scope alone has changed, or has come to lie elsewhere.
    void look_around() noexcept {
        cancelled_around_ = cancelled                      ? this
                            : shields || parent == nullptr ? nullptr
                                                           : parent->cancelled_around_;
    }

    ScopeState* parent = nullptr;
    IntrusiveList<ScopeState> children;
    IntrusiveList<ScopeMember> members;
    std::string reason;
    bool cancelled = false;
    bool shields = false;

protected:
    ~ScopeState() = default;

private:
    const ScopeState* cancelled_around_ = nullptr;
};

} // namespace aio::detail
