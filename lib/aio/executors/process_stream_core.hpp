#pragma once

/// What a `ProcessStream` is made of: the items that have come from a worker and have not been read, and who
/// waits for them.

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <aio/core/event_loop.hpp>
#include <aio/core/intrusive_list.hpp>
#include <aio/core/ref.hpp>
#include <aio/core/suspension.hpp>
#include <aio/executors/item_wait.hpp>
#include <aio/executors/process_call_options.hpp>
#include <aio/executors/remote_form.hpp>

namespace aio::detail {

class StreamCore;

/// Waits until a stream that is closed has no call any more.
class StreamClose final : public Suspension, public ListNode {
public:
    explicit StreamClose(Ref<StreamCore> stream) noexcept : stream_(std::move(stream)) {}
    [[nodiscard]] bool await_ready();
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        static_cast<TaskCore&>(caller.promise().stack()).loop().check_open();
        suspend(caller);
        link();
    }
    void await_resume() { throw_if_cancelled(); }
    [[nodiscard]] std::string description() const override { return "ProcessStream.aclose"; }

    /// For the stream.
    void end() noexcept {
        unlink();
        wake();
    }

private:
    void link() noexcept;
    bool on_cancel(const std::string&) noexcept override {
        unlink();
        return wake_cancelled();
    }
    Ref<StreamCore> stream_;
};

/// The part that is the same for all types of items. Held by the `ProcessStream`, by those who wait, and by
/// the call until that has ended.
class StreamCore : public RefCounted {
public:
    /// Throws `RuntimeError` in another loop than the one it was made in.
    void check_here() const;
    /// Says who runs the call, and as which number.
    void connect(std::weak_ptr<RemoteHost> host, std::uint64_t id) noexcept {
        host_ = std::move(host);
        id_ = id;
    }
    /// Whether further items are of use to anybody.
    [[nodiscard]] bool open() const noexcept { return !ended_; }
    [[nodiscard]] bool has_call() const noexcept { return !call_ended_; }

    /// The reader wants no more: drops what has come, stops the call, and the end comes next.
    void close() noexcept;
    /// No items come any more because of this; the call is stopped.
    void fail(std::exception_ptr error) noexcept;
    /// The call has ended: with an error, or null.
    void end_call(std::exception_ptr error) noexcept;
    void add_closer(StreamClose& wait) noexcept { closers_.push_back(wait); }

protected:
    StreamCore(EventLoop& loop, const ProcessCallOptions& options);
    ~StreamCore() override = default;

    virtual void serve_waiters() noexcept = 0;
    virtual void drop_items() noexcept = 0;
    /// The reader has taken an item of that size.
    void note_taken(std::uint64_t bytes) noexcept;
    [[nodiscard]] std::exception_ptr take_error() noexcept { return std::exchange(error_, nullptr); }

private:
    void stop_call() noexcept;

    Ref<LoopState> loop_;
    std::weak_ptr<RemoteHost> host_;
    std::uint64_t id_ = 0;
    // Credit is given for half of what the call may be ahead, so that it need not wait for it and yet few
    // messages are sent. A call that waits is behind by all of that, so its reader comes to give some.
    const std::uint64_t credit_items_;
    const std::uint64_t credit_bytes_;
    std::uint64_t taken_items_ = 0;
    std::uint64_t taken_bytes_ = 0;
    IntrusiveList<StreamClose> closers_;
    std::exception_ptr error_;
    bool ended_ = false;
    bool call_ended_ = false;
};

template <class T>
class StreamOf;

/// Waits for the next item.
template <class T>
class StreamNext final : public ItemWait<StreamOf<T>, T> {
public:
    explicit StreamNext(Ref<StreamOf<T>> stream) noexcept
        : ItemWait<StreamOf<T>, T>(std::move(stream), "ProcessStream, the next item") {}
    std::optional<T> await_resume() {
        this->throw_if_cancelled();
        return this->take();
    }
};

/// The stream with its items.
template <class T>
class StreamOf final : public StreamCore {
public:
    using Wait = ItemWait<StreamOf, T>;

    StreamOf(EventLoop& loop, const ProcessCallOptions& options) : StreamCore(loop, options) {}

    /// An item has come. `size` is what it counts for.
    void add(T&& item, std::uint64_t size) {
        items_.emplace_back(std::move(item), size);
        serve_waiters();
    }
    void add_waiter(Wait& wait) noexcept { waiters_.push_back(wait); }
    /// Gives `wait` what it asks for; false if it has to wait for that.
    [[nodiscard]] bool assign(Wait& wait) noexcept {
        if (!items_.empty()) {
            const std::uint64_t size = items_.front().second;
            wait.give(std::move(items_.front().first));
            items_.pop_front();
            note_taken(size);
            return true;
        }
        if (open()) return false;
        if (std::exception_ptr error = take_error()) wait.give_error(std::move(error));
        return true;
    }

private:
    void serve_waiters() noexcept override {
        while (Wait* const wait = waiters_.front()) {
            if (!assign(*wait)) return;
            wait->end();
        }
    }
    void drop_items() noexcept override { items_.clear(); }

    std::deque<std::pair<T, std::uint64_t>> items_;
    IntrusiveList<Wait> waiters_;
};

} // namespace aio::detail
