#pragma once

/// `map`: calls a function for every item of a range in an executor (`concurrent.futures.Executor.map`).
///
///     auto pages = aio::map(processes, parse, files);
///     while (std::optional<Page> page = co_await pages.next()) show(*page);
///
///     auto sums = aio::map(threads, add, left, right, aio::MapOptions().buffersize(100).ordered(false));
///     while (std::optional<aio::MapItem<int>> sum = co_await sums.next_item())        // failures as values
///         if (*sum) std::printf("%zu: %d\n", sum->index(), sum->value());
///
/// It is lazy: items are taken from the range only as far ahead of the results that have been read as the
/// `buffersize` says, so the range may be endless and memory stays bounded. An item that fails fails alone,
/// also if its worker dies of it.
/// For a process pool many short calls travel as one, which is many times faster than a call for each.

#include <concepts>
#include <cstddef>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <aio/executors/map_options.hpp>
#include <aio/executors/map_stream.hpp>
#include <aio/executors/map_work.hpp>

namespace aio {
namespace detail {

template <class R>
class MapNextItem final : public MapWait<R> {
public:
    using MapWait<R>::MapWait;
    std::optional<MapItem<R>> await_resume() { return this->take(); }
};

template <class R>
class MapNext final : public MapWait<R> {
public:
    using MapWait<R>::MapWait;
    std::optional<Stored<R>> await_resume() {
        std::optional<MapItem<R>> item = this->take();
        if (!item) return std::nullopt;
        if constexpr (std::is_void_v<R>) {
            std::move(*item).value();
            return std::monostate();
        } else {
            return std::optional<Stored<R>>(wrap_stored<R>(std::move(*item).value()));
        }
    }
};

/// A step, until it is awaited.
template <class Awaiter, class R>
class [[nodiscard("a step of map does nothing until it is awaited")]] MapStep {
public:
    explicit MapStep(Ref<MapStream<R>> stream) noexcept : stream_(std::move(stream)) {}
    Awaiter operator co_await() const& noexcept { return Awaiter(stream_); }
    Awaiter operator co_await() && noexcept { return Awaiter(std::move(stream_)); }

private:
    Ref<MapStream<R>> stream_;
};

} // namespace detail

/// What `map` gives: the results, one after the other. Move-only; belongs to the loop in which `map` was
/// called, and to its thread. When it is dropped (as when the task that reads it is cancelled), what has not
/// started never does; calls that run go on to their end, and their results are dropped.
template <class R>
class [[nodiscard("map does no more than its buffersize until results are read")]] MapResults {
public:
    explicit MapResults(detail::Ref<detail::MapStream<R>> stream) noexcept : stream_(std::move(stream)) {}
    MapResults(MapResults&&) noexcept = default;
    MapResults& operator=(MapResults&&) noexcept = default;

    /// Await it: the next result, or nothing when there are no more. For `void` the value is a
    /// `std::monostate`, for a reference a pointer. Throws what the call for this item threw; the next step
    /// goes on with the next item; a call that was cancelled with its executor gives `CancelledError`. When
    /// the range itself throws, or the executor takes no more calls, the step after the results until then
    /// throws that, and the one after it is the end. A cancelled step takes nothing. Several tasks may await
    /// steps at the same time; they are served in the order in which they came. `RuntimeError` in another
    /// loop.
    [[nodiscard]] auto next() const { return detail::MapStep<detail::MapNext<R>, R>(stream()); }
    /// As `next`, but gives what the call threw as a value, and which item it is.
    [[nodiscard]] auto next_item() const { return detail::MapStep<detail::MapNextItem<R>, R>(stream()); }
    /// Gives up: what has not started never does, what runs is dropped, and every step is the end.
    void cancel() const { stream()->stop(); }

private:
    [[nodiscard]] const detail::Ref<detail::MapStream<R>>& stream() const {
        if (!stream_) throw RuntimeError("this MapResults has been moved from");
        return stream_;
    }
    detail::Ref<detail::MapStream<R>> stream_;
};

namespace detail {

template <class Pool, class F, class... Ranges>
auto start_map(Pool& pool, const MapOptions& options, F function, Ranges&&... ranges) {
    static_assert(sizeof...(Ranges) > 0, "map needs at least one range of arguments");
    if constexpr (std::is_same_v<Pool, ProcessPoolExecutor> &&
                  !runs_remotely<F, typename MapSource<Ranges>::Value...>) {
        explain_refusal<F, typename MapSource<Ranges>::Value...>();
    } else {
        using Work = MapWork<Pool, F, Ranges...>;
        using Stream = MapStream<typename Work::Result>;
        const Ref<Stream> stream(new Work(get_running_loop(), pool, options, std::move(function),
                                          std::forward<Ranges>(ranges)...));
        stream->fill();
        return MapResults<typename Work::Result>(stream);
    }
}

template <class T>
inline constexpr bool is_map_options = std::is_same_v<std::remove_cvref_t<T>, MapOptions>;
template <class T>
concept MapArgument = is_map_options<T> || (std::ranges::input_range<T> && std::ranges::viewable_range<T>);

/// Sorts the ranges from the options, which may come last.
template <class Pool, class F, class Arguments, std::size_t... I>
auto sort_map(Pool& pool, F&& function, Arguments arguments, std::index_sequence<I...>) {
    constexpr std::size_t last = std::tuple_size_v<Arguments> - 1;
    if constexpr (is_map_options<std::tuple_element_t<last, Arguments>>)
        return start_map<Pool, std::decay_t<F>, std::tuple_element_t<I, Arguments>...>(
            pool, std::get<last>(arguments), std::forward<F>(function),
            std::forward<std::tuple_element_t<I, Arguments>>(std::get<I>(arguments))...);
    else
        return start_map<Pool, std::decay_t<F>, std::tuple_element_t<I, Arguments>...,
                         std::tuple_element_t<last, Arguments>>(
            pool, MapOptions(), std::forward<F>(function),
            std::forward<std::tuple_element_t<I, Arguments>>(std::get<I>(arguments))...,
            std::forward<std::tuple_element_t<last, Arguments>>(std::get<last>(arguments)));
}

} // namespace detail

/// `map(executor, function, ranges..., options)`: calls `function(a, b, ...)` in `executor` with the first
/// elements of all ranges, then the second ones, until the shortest ends. `options`, a `MapOptions`, may be
/// left out. The first calls start now; so there must be a running loop, else `RuntimeError`.
///
/// The function is copied for every chunk of calls. A range with a name is referred to and must outlive the
/// results, as must the executor; a temporary one is moved in. Elements are copied out of the range, or moved
/// out of a container that was moved in.
///
/// What `submit` of the executor takes, this takes, with the same errors at compile time: for a process pool
/// what can be sent, for an interpreter pool `lua("f")`. An item whose arguments or result cannot be sent
/// fails alone. A worker process that crashes fails every item of the chunk it had: use `chunksize(1)` for
/// calls that may crash.
template <class Pool, class F, detail::MapArgument... Arguments>
    requires(sizeof...(Arguments) > 0 && std::derived_from<Pool, Executor>)
[[nodiscard]] auto map(Pool& executor, F&& function, Arguments&&... ranges_and_options) {
    return detail::sort_map(executor, std::forward<F>(function),
                            std::tuple<Arguments&&...>(std::forward<Arguments>(ranges_and_options)...),
                            std::make_index_sequence<sizeof...(Arguments) - 1>());
}
/// The same in the default executor of the running loop.
template <class F, detail::MapArgument... Arguments>
    requires(sizeof...(Arguments) > 0)
[[nodiscard]] auto map(std::nullptr_t, F&& function, Arguments&&... ranges_and_options) {
    return map(get_running_loop().default_executor(), std::forward<F>(function),
               std::forward<Arguments>(ranges_and_options)...);
}

} // namespace aio
