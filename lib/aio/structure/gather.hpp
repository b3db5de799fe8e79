#pragma once

/// `gather`: runs several awaitables concurrently and collects their results in order (`asyncio.gather`).
///
///     auto [page, size] = co_await aio::gather(fetch("a"), measure("b"));
///     std::vector<int> all = co_await aio::gather(std::move(coros)); // of coroutines or tasks
///     auto outcomes = co_await aio::gather(aio::return_exceptions, one(), two()); // failures as values
///
/// As in asyncio, the first exception is thrown at once and the others *keep running*; what they throw later
/// is dropped. A group of tasks that are cancelled and joined when one fails is `with_task_group`, and it is
/// the better choice whenever the tasks belong together.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <aio/core/awaitable.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/loop_resource.hpp>
#include <aio/structure/ensure_future.hpp>
#include <aio/structure/outcome.hpp>
#include <aio/structure/queued_callback.hpp>

namespace aio {

/// Asks `gather` for outcomes instead of throwing the first exception.
struct ReturnExceptions {
    explicit ReturnExceptions() = default;
};
inline constexpr ReturnExceptions return_exceptions{};

namespace detail {

/// The bookkeeping of a gathering future, apart from its result type.
class GatherCore : private LoopResource, private CancelRelay {
public:
    [[nodiscard]] const std::vector<Ref<FutureState>>& children() const noexcept { return children_; }

protected:
    explicit GatherCore(bool keep_exceptions) noexcept : keep_exceptions_(keep_exceptions) {}
    ~GatherCore() = default;

    /// Starts to watch; the children are complete.
    void watch(std::vector<Ref<FutureState>> children);
    /// Passes a cancellation on to all children. False if none of them could be cancelled.
    bool cancel_children(const std::string& message);

    /// The future that gathers.
    [[nodiscard]] virtual FutureState& outer() noexcept = 0;
    /// All children are done, and may be read: sets the result.
    virtual void collect() = 0;

private:
    class Child;
    void loop_closing() noexcept override;
    bool pass_on(const std::string& message);
    void relay() override;
    void child_done(FutureState& child);
    void all_done();

    std::vector<Ref<FutureState>> children_;
    std::size_t finished_ = 0;
    std::string cancel_message_;
    bool cancel_requested_ = false;
    bool passing_on_ = false;
    /// The last of the loop's rounds in which passing on was put off.
    std::uint64_t put_off_in_ = 0;
    const bool keep_exceptions_;
};

/// Reads a child that is done, moving the value if nobody else can.
template <class T>
Stored<T> collect_value(FutureState& child) {
    auto& typed = static_cast<FutureStateOf<T>&>(child);
    if constexpr (!copyable_result<Stored<T>>) {
        return typed.take_value();
    } else {
        if (typed.references() == 1) return std::move(typed.value());
        return typed.value();
    }
}

template <class T>
Outcome<T> collect_outcome(FutureState& child) {
    try {
        return Outcome<T>(std::in_place, collect_value<T>(child));
    } catch (...) {
        return Outcome<T>(std::current_exception());
    }
}

/// A future whose cancellation goes to its children, and which is done only when they are.
template <class Result, class Collect>
class GatherState final : public FutureStateOf<Result>, public GatherCore {
public:
    GatherState(LoopState& loop, bool keep_exceptions, std::vector<Ref<FutureState>> children)
        : FutureStateOf<Result>(loop), GatherCore(keep_exceptions) {
        // The callbacks of the children hold references, so there must be one here until the constructor is
        // done.
        this->retain();
        this->watch(std::move(children));
    }
    /// Gives the first reference to `Ref`.
    Ref<FutureState> adopt() {
        Ref<FutureState> self(this);
        this->release();
        return self;
    }
    bool cancel(const std::string& message) override {
        return !this->done() && this->cancel_children(message);
    }
    [[nodiscard]] const char* kind() const noexcept override { return "gathering Future"; }

private:
    [[nodiscard]] FutureState& outer() noexcept override { return *this; }
    void collect() override { Collect::collect(*this, this->children()); }
};

/// Sets a tuple of results.
template <class Result, class... Ts>
struct CollectTuple {
    static void collect(FutureStateOf<Result>& to, const std::vector<Ref<FutureState>>& children) {
        collect_each(to, children, std::index_sequence_for<Ts...>());
    }
    template <std::size_t... I>
    static void collect_each(FutureStateOf<Result>& to,
                             [[maybe_unused]] const std::vector<Ref<FutureState>>& children,
                             std::index_sequence<I...>) {
        to.set_value(Result(collect_value<Ts>(*children[I])...));
    }
};
template <class Result, class... Ts>
struct CollectOutcomeTuple {
    static void collect(FutureStateOf<Result>& to, const std::vector<Ref<FutureState>>& children) {
        collect_each(to, children, std::index_sequence_for<Ts...>());
    }
    template <std::size_t... I>
    static void collect_each(FutureStateOf<Result>& to,
                             [[maybe_unused]] const std::vector<Ref<FutureState>>& children,
                             std::index_sequence<I...>) {
        to.set_value(Result(collect_outcome<Ts>(*children[I])...));
    }
};

/// Sets a vector of results, or nothing for `void`.
template <class T>
struct CollectVector {
    using Result = std::conditional_t<std::is_void_v<T>, void, std::vector<Stored<T>>>;
    static void collect(FutureStateOf<Result>& to, const std::vector<Ref<FutureState>>& children) {
        if constexpr (std::is_void_v<T>) {
            for (const auto& child : children) child->require_result();
            to.set_value();
        } else {
            Result results;
            results.reserve(children.size());
            for (const auto& child : children) results.push_back(collect_value<T>(*child));
            to.set_value(std::move(results));
        }
    }
};
template <class T>
struct CollectOutcomeVector {
    using Result = std::vector<Outcome<T>>;
    static void collect(FutureStateOf<Result>& to, const std::vector<Ref<FutureState>>& children) {
        Result results;
        results.reserve(children.size());
        for (const auto& child : children) results.push_back(collect_outcome<T>(*child));
        to.set_value(std::move(results));
    }
};

template <class Result, class Collect>
Future<Result> make_gathering(bool keep_exceptions, std::vector<Ref<FutureState>> children) {
    LoopState& loop = children.empty() ? get_running_loop().state() : children.front()->loop();
    auto* state = new GatherState<Result, Collect>(loop, keep_exceptions, std::move(children));
    return Future<Result>(state->adopt());
}

/// Turns the awaitables into futures, and lets go of the handles, so that results nobody else holds can be
/// moved.
template <class... As>
std::vector<Ref<FutureState>> gather_futures(As&&... awaitables) {
    std::vector<Ref<FutureState>> children;
    children.reserve(sizeof...(As));
    (children.emplace_back(&ensure_future(std::forward<As>(awaitables), std::source_location()).state()),
     ...);
    return children;
}
template <class A>
std::vector<Ref<FutureState>> gather_futures_of(std::vector<A> awaitables) {
    std::vector<Ref<FutureState>> children;
    children.reserve(awaitables.size());
    for (A& awaitable : awaitables)
        children.emplace_back(&ensure_future(std::move(awaitable), std::source_location()).state());
    return children;
}

template <class A>
using GatherValue = await_result_t<std::remove_cvref_t<A>>;

} // namespace detail

/// Runs the awaitables concurrently, coroutines as tasks of the running loop, and gives a future for the
/// tuple of their results (`std::monostate` for `void`). The first exception, or a cancelled awaitable's
/// `CancelledError`, ends it at once; the others go on. Cancelling the future cancels all of them; it ends,
/// with `CancelledError`, when all have. Starts them in this call.
template <class... As>
    requires(Awaitable<As> && ...)
[[nodiscard]] auto gather(As&&... awaitables) {
    using Result = std::tuple<detail::Stored<detail::GatherValue<As>>...>;
    return detail::make_gathering<Result, detail::CollectTuple<Result, detail::GatherValue<As>...>>(
        false, detail::gather_futures(std::forward<As>(awaitables)...));
}
/// As above, but waits for all of them and gives an `Outcome` for each: exceptions are values.
template <class... As>
    requires(Awaitable<As> && ...)
[[nodiscard]] auto gather(ReturnExceptions, As&&... awaitables) {
    using Result = std::tuple<Outcome<detail::GatherValue<As>>...>;
    return detail::make_gathering<Result, detail::CollectOutcomeTuple<Result, detail::GatherValue<As>...>>(
        true, detail::gather_futures(std::forward<As>(awaitables)...));
}
/// The same for any number of awaitables of one type: a vector of results (nothing for `void`).
template <class A>
    requires Awaitable<A>
[[nodiscard]] auto gather(std::vector<A> awaitables) {
    using Collect = detail::CollectVector<detail::GatherValue<A>>;
    return detail::make_gathering<typename Collect::Result, Collect>(
        false, detail::gather_futures_of(std::move(awaitables)));
}
template <class A>
    requires Awaitable<A>
[[nodiscard]] auto gather(ReturnExceptions, std::vector<A> awaitables) {
    using Collect = detail::CollectOutcomeVector<detail::GatherValue<A>>;
    return detail::make_gathering<typename Collect::Result, Collect>(
        true, detail::gather_futures_of(std::move(awaitables)));
}

} // namespace aio
