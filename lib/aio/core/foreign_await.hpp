#pragma once

/// Awaiting what other libraries made.
///
/// A foreign awaiter is handed a bare `coroutine_handle<>` and resumes it from wherever its event arrives,
/// perhaps on another thread. A frame of a task must not be resumed that way: it would run outside its task
/// and perhaps outside its loop. So a foreign awaitable is awaited by a small coroutine of its own, whose end
/// wakes the task through the loop. Such a wait cannot be broken off: it is shielded, and a cancellation is
/// delivered at the next suspension after it. The loop must not be destroyed while such a wait goes on: the
/// foreign library would resume a coroutine that is gone, and nothing here could know.

#include <atomic>
#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <aio/core/mailbox.hpp>
#include <aio/core/stored.hpp>
#include <aio/core/suspension.hpp>

namespace aio::detail {

template <class T>
concept AwaitBool = std::convertible_to<T, bool>;

template <class T>
concept RawAwaiter = requires(T& t) {
    { t.await_ready() } -> AwaitBool;
    t.await_resume();
};

template <class T>
concept HasMemberCoAwait = requires(T&& t) { std::forward<T>(t).operator co_await(); };
template <class T>
concept HasFreeCoAwait = requires(T&& t) { operator co_await(std::forward<T>(t)); };

/// The awaiter of an awaitable, as the language finds it.
template <class T>
decltype(auto) get_awaiter(T&& awaitable) {
    if constexpr (HasMemberCoAwait<T>)
        return std::forward<T>(awaitable).operator co_await();
    else if constexpr (HasFreeCoAwait<T>)
        return operator co_await(std::forward<T>(awaitable));
    else
        return std::forward<T>(awaitable);
}

template <class T>
concept IsAwaitable = HasMemberCoAwait<T> || HasFreeCoAwait<T> || RawAwaiter<std::remove_reference_t<T>>;

template <class T>
using AwaiterOf = std::remove_cvref_t<decltype(get_awaiter(std::declval<T>()))>;

template <class T>
concept OwnAwaitable = IsAwaitable<T> && std::derived_from<AwaiterOf<T>, AwaiterTag>;

/// An awaiter that stands for another one. GCC 12 copies an awaiter that it gets by reference: ours cannot be
/// copied, and of somebody else's it would await the copy.
template <class Awaiter>
class AwaiterReference final : public AwaiterTag {
public:
    explicit AwaiterReference(Awaiter& awaiter) noexcept : awaiter_(awaiter) {}
    [[nodiscard]] bool await_ready() { return awaiter_.await_ready(); }
    template <class Promise>
    auto await_suspend(std::coroutine_handle<Promise> caller) {
        return awaiter_.await_suspend(caller);
    }
    decltype(auto) await_resume() { return awaiter_.await_resume(); }

private:
    Awaiter& awaiter_;
};

/// A wait that ends on any thread: the task is queued at once on the loop's own thread, through its mailbox
/// from another.
class ForeignWait : public Suspension, private MailboxItem {
public:
    [[nodiscard]] std::string description() const override { return "an awaitable of another library"; }

protected:
    ForeignWait() noexcept = default;
    ~ForeignWait() = default;
    /// Notes where to send the wake-up, while still on the loop's thread.
    void find_way_back();
    void wake_from_anywhere() noexcept;

private:
    bool on_cancel(const std::string&) noexcept override { return false; }
    void deliver() noexcept override { come_back(); }
    void come_back() noexcept;
    void drop() noexcept override {}
    std::shared_ptr<Mailbox> mailbox_;
};

template <class Awaitable>
class ForeignAwaiter final : public ForeignWait {
    using Result = decltype(std::declval<AwaiterOf<Awaitable>&>().await_resume());

    /// The coroutine that awaits the foreign awaitable. Its frame is destroyed by the awaiter.
    struct Bridge {
        struct promise_type {
            explicit promise_type(ForeignAwaiter& awaiter) noexcept : owner(awaiter) {}
            Bridge get_return_object() noexcept {
                return Bridge(std::coroutine_handle<promise_type>::from_promise(*this));
            }
            std::suspend_always initial_suspend() const noexcept { return {}; }
            struct Final {
                Final() noexcept {}
                bool await_ready() const noexcept { return false; }
                void await_suspend(std::coroutine_handle<promise_type> h) const noexcept {
                    h.promise().owner.finished();
                }
                void await_resume() const noexcept {}
            };
            Final final_suspend() const noexcept { return {}; }
            void return_void() const noexcept {}
            void unhandled_exception() noexcept { owner.exception_ = std::current_exception(); }
            ForeignAwaiter& owner;
        };
        explicit Bridge(std::coroutine_handle<promise_type> h) noexcept : handle(h) {}
        std::coroutine_handle<promise_type> handle;
    };

    static Bridge bridge(ForeignAwaiter& self) {
        auto&& awaiter = get_awaiter(static_cast<Awaitable&&>(self.awaitable_));
        using Reference = AwaiterReference<std::remove_reference_t<decltype(awaiter)>>;
        if constexpr (std::is_void_v<Result>) {
            co_await Reference(awaiter);
            self.value_.emplace();
        } else {
            self.value_.emplace(wrap_stored<Result>(co_await Reference(awaiter)));
        }
    }

    /// Runs on whatever thread the foreign library resumes the bridge.
    void finished() noexcept {
        if (phase_.exchange(Phase::finished, std::memory_order_acq_rel) == Phase::suspended)
            this->wake_from_anywhere();
    }

public:
    explicit ForeignAwaiter(Awaitable&& awaitable) noexcept
        : awaitable_(static_cast<Awaitable&&>(awaitable)) {}
    ~ForeignAwaiter() {
        if (frame_) frame_.destroy();
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> caller) {
        frame_ = bridge(*this).handle;
        this->suspend(caller);
        this->find_way_back();
        frame_.resume();
        if (phase_.exchange(Phase::suspended, std::memory_order_acq_rel) != Phase::finished) return true;
        this->withdraw();
        return false;
    }
    Result await_resume() {
        if (exception_) std::rethrow_exception(exception_);
        return unwrap_stored<Result>(std::move(*value_));
    }

private:
    enum class Phase : unsigned char { starting, suspended, finished };

    Awaitable&& awaitable_;
    std::coroutine_handle<> frame_;
    std::optional<Stored<Result>> value_;
    std::exception_ptr exception_;
    std::atomic<Phase> phase_ = Phase::starting;
};

/// What a coroutine of aiouv really awaits when its code says `co_await awaitable`.
template <class Awaitable>
decltype(auto) adapt_awaitable(Awaitable&& awaitable) {
    static_assert(IsAwaitable<Awaitable>,
                  "this cannot be awaited: it has no operator co_await and is no awaiter "
                  "(a named Coro is awaited as co_await std::move(coro))");
    if constexpr (OwnAwaitable<Awaitable> && RawAwaiter<std::remove_reference_t<Awaitable>>)
        return AwaiterReference<std::remove_reference_t<Awaitable>>(awaitable);
    else if constexpr (OwnAwaitable<Awaitable>)
        return static_cast<Awaitable&&>(awaitable);
    else
        return ForeignAwaiter<Awaitable>(std::forward<Awaitable>(awaitable));
}

} // namespace aio::detail
