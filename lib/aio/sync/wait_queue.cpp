#include <aio/sync/wait_queue.hpp>

#include <utility>

#include <aio/core/errors.hpp>

namespace aio::detail {

void Waiter::leave() noexcept {
    if (place_ == Place::waiting) --queue_->size_;
    unlink();
    queue_ = nullptr;
    place_ = Place::outside;
}

bool Waiter::settle() {
    const Place place = place_;
    leave();
    throw_if_cancelled();
    if (place == Place::orphaned) throw_orphaned();
    return place != Place::woken_and_orphaned;
}

void Waiter::throw_orphaned() const {
    throw RuntimeError(std::string(what_) + ": the object was destroyed while a task waited for it");
}

bool WaitQueue::wake_first() noexcept {
    Waiter* const waiter = waiting_.pop_front();
    if (waiter == nullptr) return false;
    --size_;
    waiter->place_ = WaiterLink::Place::woken;
    woken_.push_back(*waiter);
    waiter->end_wait();
    return true;
}

bool WaitQueue::release_first() noexcept {
    Waiter* const waiter = front();
    if (waiter == nullptr) return false;
    waiter->leave();
    waiter->end_wait();
    return true;
}

WaitQueue::~WaitQueue() {
    while (Waiter* const waiter = woken_.pop_front()) {
        waiter->queue_ = nullptr;
        waiter->place_ = WaiterLink::Place::woken_and_orphaned;
    }
    while (Waiter* const waiter = waiting_.pop_front()) {
        waiter->queue_ = nullptr;
        waiter->place_ = WaiterLink::Place::orphaned;
        if (!waiter->loop_is_closing()) waiter->orphan();
    }
}

} // namespace aio::detail
