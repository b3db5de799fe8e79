#pragma once

/// `IsolatedPoolExecutor<State>`: threads that each have a `State` of their own, and share nothing: an
/// interpreter pool whose interpreters are C++ objects.
///
///     class Model { public: explicit Model(const std::string& path); double score(const std::string& text); };
///     double score(Model& model, const std::string& text) { return model.score(text); }
///
///     aio::IsolatedPoolExecutor<Model> models(aio::IsolatedPoolOptions().max_workers(4), "model.bin");
///     double s = co_await loop.run_in_executor(models, score, text);
///
/// For what is expensive to make and not thread-safe: a parser, a model, a connection, the handle of a C
/// library. No lock is needed, because a state is used by its own thread only; arguments and results are
/// copied, through the codec of worker processes (<aio/workers/codec.hpp>), so that neither side gets hold of
/// the other's memory. It is isolation by types: global variables and what a State reaches by pointers are
/// still shared.

#include <exception>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <aio/executors/interpreters/execution_failed.hpp>
#include <aio/executors/isolated_call.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/executors/thread_pool.hpp>

namespace aio {

/// Options of an `IsolatedPoolExecutor`.
class IsolatedPoolOptions {
public:
    IsolatedPoolOptions() = default;

    /// At most so many threads and states; by default as many as a `ThreadPoolExecutor` has. Throws
    /// `ValueError` unless it is positive.
    IsolatedPoolOptions& max_workers(int count) {
        threads_.max_workers(count);
        return *this;
    }
    /// Threads are named `prefix`_N.
    IsolatedPoolOptions& thread_name_prefix(std::string prefix) {
        threads_.thread_name_prefix(std::move(prefix));
        return *this;
    }
    /// Destroys each state after so many calls; the next call gets a new one. By default they live as long as
    /// the pool. Throws `ValueError` for 0.
    IsolatedPoolOptions& max_tasks_per_worker(std::size_t tasks) {
        if (tasks == 0) throw ValueError("max_tasks_per_worker must be greater than 0");
        max_tasks_per_worker_ = tasks;
        return *this;
    }

    /// For the library.
    [[nodiscard]] const ThreadPoolOptions& threads() const noexcept { return threads_; }
    [[nodiscard]] std::size_t max_tasks_per_worker() const noexcept { return max_tasks_per_worker_; }

private:
    ThreadPoolOptions threads_;
    std::size_t max_tasks_per_worker_ = 0;
};

/// A pool of threads with one `State` each, made when its thread starts and destroyed on it. Thread-safe.
template <class State>
class IsolatedPoolExecutor : public ThreadPoolExecutor {
public:
    /// Each thread makes `State(arguments...)`, from copies of its own. If that throws, the pool is broken:
    /// queued and later calls fail with `BrokenInterpreterPool`.
    template <class... Args>
    explicit IsolatedPoolExecutor(const IsolatedPoolOptions& options = IsolatedPoolOptions(),
                                  const Args&... arguments)
        : ThreadPoolExecutor(options.threads(), worker_kind<Args...>(options, arguments...)) {}

    /// Queues `function(state, arguments...)`, or `function(state, stop_token, arguments...)`, for whichever
    /// state is free. The function is a function pointer or a lambda without captures; what cannot cross does
    /// not compile, and the message says what to do instead. The arguments are copied now. The future gets a
    /// copy of the result, or the exception that the function throws. A call that was cancelled before it
    /// started never runs; one that runs is asked to stop, if it takes a token. Throws `RuntimeError` after
    /// `shutdown`, `BrokenInterpreterPool`.
    template <class F, class... Args>
        requires(!std::is_same_v<std::decay_t<F>, ThreadCallOptions>)
    auto submit(F&& function, const Args&... arguments) {
        using Function = std::decay_t<F>;
        if constexpr (detail::check_isolated_call<State, Function, Args...>()) {
            using IsolatedCall = detail::IsolatedCall<State, Function, transferred_t<Args>...>;
            using CallType = detail::CallOf<IsolatedCall>;
            return submit_as<CallType>(IsolatedCall(std::forward<F>(function), arguments...));
        } else {
            return ConcurrentFuture<>();
        }
    }
    template <class F, class... Args>
    auto submit(const ThreadCallOptions& options, F&& function, const Args&... arguments) {
        auto future = submit(std::forward<F>(function), arguments...);
        if (!options.name().empty()) future.state()->set_name(options.name());
        return future;
    }

private:
    static std::exception_ptr broken(const std::string& reason) {
        return std::make_exception_ptr(BrokenInterpreterPool(reason));
    }

    template <class... Args>
    static detail::WorkerKind worker_kind(const IsolatedPoolOptions& options, const Args&... arguments) {
        (detail::explain_isolated_argument<Args>(), ...);
        static_assert(
            std::is_constructible_v<State, transferred_t<Args>...>,
            "the State cannot be made from these arguments as they arrive: as rvalues, with const char* "
            "and string_view as std::string and span as std::vector");
        ByteWriter out;
        if constexpr (sizeof...(Args) == 0)
            encode(out, std::tuple<>());
        else
            (detail::encode_argument(out, arguments), ...);

        detail::WorkerKind kind("IsolatedPoolExecutor", &broken);
        kind.max_tasks_per_worker = options.max_tasks_per_worker();
        kind.make_resource = [bytes = out.take()]() -> std::unique_ptr<detail::WorkerResource> {
            ByteReader in(bytes);
            auto own = Codec<std::tuple<transferred_t<Args>...>>::decode(in);
            return std::make_unique<detail::StateResource<State>>(
                [&] { return std::make_from_tuple<State>(std::move(own)); });
        };
        return kind;
    }
};

namespace detail {

template <class State, class F, class... Args>
struct CallableIdentity<IsolatedCall<State, F, Args...>> {
    using Type = F;
};

} // namespace detail
} // namespace aio
