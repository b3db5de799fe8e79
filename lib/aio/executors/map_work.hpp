#pragma once

/// The part of `map` that knows the function, the ranges and the executor.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/executors/interpreter_pool.hpp>
#include <aio/executors/map_chunk.hpp>
#include <aio/executors/map_stream.hpp>
#include <aio/executors/process_pool.hpp>
#include <aio/executors/run_in_executor.hpp>

namespace aio::detail {

/// A range as `map` keeps it: referred to if it has a name, else moved in.
template <class Range>
class MapSource {
public:
    using View = std::views::all_t<Range>;
    using Value = std::ranges::range_value_t<View>;

    explicit MapSource(Range&& range) : view_(std::views::all(std::forward<Range>(range))) {}
    /// Goes to the next element: false at the end. Goes no further than that, for ranges that read from
    /// somewhere.
    [[nodiscard]] bool advance() {
        if (at_)
            ++*at_;
        else
            at_.emplace(std::ranges::begin(view_));
        return *at_ != std::ranges::end(view_);
    }
    [[nodiscard]] Value value() {
        // A container that was moved in is nobody else's.
        if constexpr (!std::is_lvalue_reference_v<Range> && !std::ranges::view<std::remove_cvref_t<Range>>)
            return std::ranges::iter_move(*at_);
        else
            return static_cast<Value>(**at_);
    }

private:
    View view_;
    std::optional<std::ranges::iterator_t<View>> at_;
};

template <class F, class... Args>
struct MapResult {
    using Type = CallValue<F, Args...>;
};
template <class R, class... Args>
struct MapResult<LuaCallee<R>, Args...> {
    using Type = R;
};

/// A chunk of calls in a thread of this process.
template <class F, class R, class... Args>
class LocalMapCall {
public:
    explicit LocalMapCall(const F& function) : function_(function) {}
    std::vector<Outcome<R>> operator()(std::vector<std::tuple<Args...>> items) {
        std::vector<Outcome<R>> outcomes;
        outcomes.reserve(items.size());
        for (auto& item : items) {
            try {
                if constexpr (std::is_void_v<R>) {
                    std::apply(function_, std::move(item));
                    outcomes.emplace_back(std::in_place);
                } else {
                    outcomes.emplace_back(std::in_place,
                                          wrap_stored<R>(std::apply(function_, std::move(item))));
                }
            } catch (...) {
                outcomes.emplace_back(std::current_exception());
            }
        }
        return outcomes;
    }

private:
    F function_;
};

/// Throws what keeps the future from having a value, or gives that.
template <class V>
Stored<V>& value_of(AnyFuture& future) {
    auto& state = static_cast<FutureStateOf<V>&>(future.state());
    state.require_result();
    return state.value();
}

template <class Pool, class F, class... Ranges>
class MapWork final : public MapStream<typename MapResult<F, typename MapSource<Ranges>::Value...>::Type> {
public:
    using Item = std::tuple<typename MapSource<Ranges>::Value...>;
    using Result = typename MapResult<F, typename MapSource<Ranges>::Value...>::Type;

    MapWork(EventLoop& loop, Pool& pool, const MapOptions& options, F function, Ranges&&... ranges)
        : MapStream<Result>(loop, options, pool),
          loop_(loop),
          pool_(pool),
          function_(std::move(function)),
          sources_(std::forward<Ranges>(ranges)...) {}

private:
    using Chunk = typename MapStream<Result>::Chunk;
    static constexpr bool in_interpreter = is_callee<F>;
    static constexpr bool only_remote = std::is_same_v<Pool, ProcessPoolExecutor>;
    static constexpr bool may_travel = runs_remotely<F, typename MapSource<Ranges>::Value...>;

    void start(Chunk& chunk, std::size_t size) override {
        if constexpr (in_interpreter) {
            start_single(chunk);
        } else if constexpr (only_remote) {
            start_remote(chunk, size, static_cast<Item*>(nullptr));
        } else if constexpr (may_travel) {
            if (this->pace().remote())
                start_remote(chunk, size, static_cast<Item*>(nullptr));
            else
                start_local(chunk, size, static_cast<Item*>(nullptr));
        } else {
            start_local(chunk, size, static_cast<Item*>(nullptr));
        }
    }

    /// Whoever asks for a chunk of a million items may have but a few.
    static constexpr std::size_t most_reserved = 65536;

    /// The next item; nothing, and the end is noted, when a range has ended or failed.
    std::optional<Item> pull() {
        try {
            if (std::apply([](auto&... each) { return (each.advance() && ...); }, sources_))
                return std::apply([](auto&... each) { return std::optional<Item>(Item(each.value()...)); },
                                  sources_);
            this->end_with(nullptr);
        } catch (...) {
            this->end_with(std::current_exception());
        }
        return std::nullopt;
    }

    template <class... Args>
    void start_local(Chunk& chunk, std::size_t size, std::tuple<Args...>*) {
        std::vector<Item> items;
        while (items.size() < size) {
            auto item = pull();
            if (!item) break;
            items.push_back(std::move(*item));
        }
        if (items.empty()) return;
        chunk.slots.resize(items.size());
        chunk.future =
            loop_.run_in_executor(pool_, LocalMapCall<F, Result, Args...>(function_), std::move(items));
        chunk.collect = [](Chunk& done) {
            std::size_t at = 0;
            for (auto& outcome : value_of<std::vector<Outcome<Result>>>(done.future))
                done.slots[at++].emplace(std::move(outcome));
            return false;
        };
    }

    template <class... Args>
    void start_remote(Chunk& chunk, std::size_t size, std::tuple<Args...>*) {
        BufferList buffers;
        ByteWriter out;
        out.set_buffer_link(&buffers);
        begin_map_chunk<F, transferred_t<Args>...>(out, function_);
        const std::size_t items_at = out.size();
        std::size_t items = 0;
        chunk.slots.reserve(std::min(size, most_reserved));
        while (chunk.slots.size() < size && out.size() < full_chunk_bytes) {
            const auto item = pull();
            if (!item) break;
            chunk.slots.emplace_back();
            try {
                write_map_item(out, *item);
                ++items;
            } catch (...) {
                chunk.slots.back().emplace(std::current_exception());
            }
        }
        if (items == 0) return;
        chunk.sent.emplace(out.take(), items_at, std::move(buffers));
        // A single item is finished, or it is what the worker has died of.
        if (items > 1) chunk.sent->keep_journal();
        send<Args...>(chunk);
    }

    template <class... Args>
    void send(Chunk& chunk) {
        chunk.future = loop_.run_in_executor(pool_, MapChunkCall<Result, F, transferred_t<Args>...>(),
                                             std::as_const(*chunk.sent));
        chunk.collect = [](Chunk& done) {
            return static_cast<MapWork*>(done.stream)->template collect_remote<Args...>(done);
        };
    }

    /// Puts outcomes into the slots that have none yet.
    class Filler {
    public:
        explicit Filler(Chunk& chunk) noexcept : slots_(chunk.slots) { find_empty(); }
        [[nodiscard]] bool full() const noexcept { return at_ == slots_.size(); }
        void add(Outcome<Result> outcome) {
            if (full()) throw DecodeError("a worker has given more results than there are items of map");
            slots_[at_].emplace(std::move(outcome));
            find_empty();
        }

    private:
        void find_empty() noexcept {
            while (!full() && slots_[at_]) ++at_;
        }
        std::vector<std::optional<Outcome<Result>>>& slots_;
        std::size_t at_ = 0;
    };

    /// If the worker has died, what it had begun and not written to the journal fails, and the rest goes to
    /// another.
    template <class... Args>
    bool collect_remote(Chunk& done) {
        MapAnswer<Result>* answer = nullptr;
        std::exception_ptr error;
        try {
            answer = &value_of<MapAnswer<Result>>(done.future);
        } catch (...) {
            error = std::current_exception();
        }
        Filler filler(done);
        MapJournal& journal = done.sent->journal();
        const std::size_t finished = journal.items();
        ByteReader outcomes(journal.outcomes());
        const std::int64_t pid = journal.pid();
        for (std::size_t i = 0; i < finished; ++i) filler.add(read_map_outcome<Result>(outcomes, pid));
        if (answer != nullptr) {
            for (auto& outcome : answer->outcomes) filler.add(std::move(outcome));
            if (!filler.full()) throw DecodeError("a worker has left out an item of map");
            const std::size_t bytes = answer->bytes + (journal.outcomes().size() - outcomes.remaining());
            this->pace().measure(finished + answer->outcomes.size(), answer->took, bytes);
            if (answer->has_buffers) this->pace().keep_single();
            return false;
        }
        if (!is_error<WorkerCrashed>(error)) std::rethrow_exception(error);
        // One at least: a callable that kills each worker that reads it is not sent for ever.
        const std::size_t begun = std::max(journal.begun(), finished + 1);
        for (std::size_t i = finished; i < begun && !filler.full(); ++i) filler.add(Outcome<Result>(error));
        if (filler.full()) return false;
        done.sent->skip(begun);
        journal.clear();
        try {
            send<Args...>(done);
        } catch (...) {
            // The pool takes no more calls.
            std::rethrow_exception(error);
        }
        return true;
    }

    /// A Lua call takes one set of arguments.
    void start_single(Chunk& chunk) {
        auto item = pull();
        if (!item) return;
        chunk.slots.resize(1);
        chunk.future = std::apply(
            [&](auto&... arguments) {
                return loop_.run_in_executor(pool_, function_, std::move(arguments)...);
            },
            *item);
        chunk.collect = [](Chunk& done) {
            done.slots[0].emplace(std::in_place, std::move(value_of<Result>(done.future)));
            return false;
        };
    }

    EventLoop& loop_;
    Pool& pool_;
    F function_;
    std::tuple<MapSource<Ranges>...> sources_;
};

} // namespace aio::detail
