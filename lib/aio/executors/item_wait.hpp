#pragma once

/// What waits for the next item of a stream of results (`map`, `ProcessStream`).

#include <coroutine>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include <aio/core/event_loop.hpp>
#include <aio/core/intrusive_list.hpp>
#include <aio/core/ref.hpp>
#include <aio/core/suspension.hpp>

namespace aio::detail {

/// The item is assigned when the waiting task is woken, so no cancellation loses it. `Stream` has
/// `check_here`, `assign(ItemWait&)`, which is false if it has to wait, and `add_waiter(ItemWait&)`.
template <class Stream, class Item>
class ItemWait : public Suspension, public ListNode {
public:
    [[nodiscard]] bool await_ready() {
        stream_->check_here();
        return stream_->assign(*this);
    }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        static_cast<TaskCore&>(caller.promise().stack()).loop().check_open();
        suspend(caller);
        stream_->add_waiter(*this);
    }
    [[nodiscard]] std::string description() const override { return what_; }

    // For the stream: what this gives; and, if it had to wait for that, its end.
    void give(Item item) { item_.emplace(std::move(item)); }
    void give_error(std::exception_ptr error) noexcept { error_ = std::move(error); }
    void end() noexcept {
        unlink();
        wake();
    }

protected:
    /// `what` is what reports say that it waits for.
    ItemWait(Ref<Stream> stream, const char* what) noexcept : stream_(std::move(stream)), what_(what) {}
    ~ItemWait() = default;
    [[nodiscard]] Stream& stream() const noexcept { return *stream_; }
    /// For `await_resume`, when it has not been cancelled: the item, or nothing at the end.
    std::optional<Item> take() {
        if (error_) std::rethrow_exception(error_);
        return std::move(item_);
    }

private:
    bool on_cancel(const std::string&) noexcept override {
        unlink();
        return wake_cancelled();
    }
    Ref<Stream> stream_;
    const char* what_;
    std::optional<Item> item_;
    std::exception_ptr error_;
};

} // namespace aio::detail
