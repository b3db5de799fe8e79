#pragma once

/// `Guard`: gives back a lock or a semaphore's unit at the end of a scope (`async with lock:`).
///
///     auto guard = co_await lock.guard();

#include <utility>

#include <aio/core/intrusive_list.hpp>

namespace aio {
namespace detail {

/// The link of a guard: linked as long as it holds something.
class Hold : public ListNode {
protected:
    Hold() = default;
    ~Hold() = default;
};

/// The guards of one object. An object may be destroyed before them when a loop closes; they then hold
/// nothing any more.
class HoldList {
public:
    HoldList() = default;
    HoldList(const HoldList&) = delete;
    HoldList& operator=(const HoldList&) = delete;
    ~HoldList() {
        while (holds_.pop_front() != nullptr) {
        }
    }
    void add(Hold& hold) noexcept { holds_.push_back(hold); }

private:
    IntrusiveList<Hold> holds_;
};

} // namespace detail

/// Holds a `Lock` or one unit of a `Semaphore`, and releases it when it is destroyed; that needs no await. It
/// may be moved, also out of a function. Whoever has a guard does not call `release` on its owner. A guard
/// whose owner has gone before it does nothing.
template <class Owner>
class [[nodiscard("a guard releases at the end of the scope that names it")]] Guard : private detail::Hold {
public:
    /// Holds nothing.
    Guard() noexcept = default;
    /// Takes over what the caller has acquired from `owner`.
    explicit Guard(Owner& owner) noexcept : owner_(&owner) { owner.holds_.add(*this); }
    Guard(Guard&& other) noexcept { take(other); }
    Guard& operator=(Guard&& other) noexcept {
        if (this != &other) {
            release();
            take(other);
        }
        return *this;
    }
    ~Guard() { release(); }

    /// Whether there is something to release.
    [[nodiscard]] bool owns() const noexcept { return this->linked(); }
    explicit operator bool() const noexcept { return owns(); }

    /// Releases now instead of later; does nothing if there is nothing to release.
    void release() noexcept {
        if (!owns()) return;
        this->unlink();
        owner_->give_back();
    }

private:
    void take(Guard& other) noexcept {
        if (!other.owns()) return;
        other.unlink();
        owner_ = other.owner_;
        owner_->holds_.add(*this);
    }

    Owner* owner_ = nullptr;
};

} // namespace aio
