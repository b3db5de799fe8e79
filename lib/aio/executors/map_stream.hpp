#pragma once

/// What `map` is made of: the items that are out, in chunks, and who waits for their results.
///
/// Items are taken from the range in the tasks that read results (and in the call of `map`), never in a
/// callback: room for more comes only from results being read.

#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/future.hpp>
#include <aio/core/intrusive_list.hpp>
#include <aio/core/ref.hpp>
#include <aio/executors/item_wait.hpp>
#include <aio/executors/map_chunk.hpp>
#include <aio/executors/map_pace.hpp>
#include <aio/structure/outcome.hpp>

namespace aio {

/// A result of `map`, or the exception that the call ended with, and which item it is for.
template <class R>
class MapItem : public Outcome<R> {
public:
    MapItem(std::size_t index, Outcome<R> outcome) : Outcome<R>(std::move(outcome)), index_(index) {}
    /// The place of the item in the range, from 0.
    [[nodiscard]] std::size_t index() const noexcept { return index_; }

private:
    std::size_t index_;
};

namespace detail {

template <class R>
class MapStream;

/// Waits for the next result.
template <class R>
class MapWait : public ItemWait<MapStream<R>, MapItem<R>> {
public:
    explicit MapWait(Ref<MapStream<R>> stream) noexcept
        : ItemWait<MapStream<R>, MapItem<R>>(std::move(stream), "map, the next result") {}

protected:
    ~MapWait() = default;
    /// For `await_resume`: the item, or nothing at the end.
    std::optional<MapItem<R>> take() {
        this->throw_if_cancelled();
        this->stream().fill();
        return ItemWait<MapStream<R>, MapItem<R>>::take();
    }
};

/// Held by the `MapResults` and by those who wait. When all have gone, what has not started is cancelled.
template <class R>
class MapStream : public RefCounted {
public:
    using Wait = ItemWait<MapStream, MapItem<R>>;

    /// Throws `RuntimeError` in another loop than the one it was made in.
    void check_here() const {
        if (&get_running_loop().state() != &*loop_)
            throw RuntimeError("the results of a map are read in another event loop than it was started in");
    }

    /// Starts chunks as long as there is room.
    void fill() {
        if (filling_ || !has_room()) return;
        filling_ = true;
        while (has_room()) {
            try {
                auto chunk = std::make_unique<Chunk>(*this, next_index_);
                start(*chunk, pace_.chunk());
                keep(std::move(chunk));
            } catch (...) {
                end_with(std::current_exception());
            }
        }
        filling_ = false;
        serve_waiters();
    }
    /// Gives up: the end comes next. What has not started does not start, and what has is dropped.
    void stop() noexcept {
        ended_ = true;
        error_ = nullptr;
        cancel_all();
        serve_waiters();
    }

    void add_waiter(Wait& wait) noexcept { waiters_.push_back(wait); }
    /// Gives `wait` what it asks for; false if it has to wait for that.
    [[nodiscard]] bool assign(Wait& wait) noexcept {
        Chunk* const chunk = first_done();
        if (chunk != nullptr) {
            wait.give(MapItem<R>(chunk->first + chunk->given, std::move(*chunk->slots[chunk->given])));
            --out_;
            if (++chunk->given == chunk->slots.size()) remove(*chunk);
            return true;
        }
        if (!ended_ || !chunks_.empty()) return false;
        if (error_) wait.give_error(std::exchange(error_, nullptr));
        return true;
    }

protected:
    MapStream(EventLoop& loop, const MapOptions& options, const Executor& executor)
        : loop_(&loop.state()), pace_(options, executor), ordered_(options.ordered()) {}
    ~MapStream() override { cancel_all(); }

    /// Some items in one call, and its future until that is done.
    class Chunk final : public FutureCallback {
    public:
        Chunk(MapStream& s, std::size_t index) noexcept : stream(&s), first(index) {}
        MapStream* stream;
        std::size_t first;
        std::size_t given = 0;
        /// An item that could not even be sent has its outcome from the start.
        std::vector<std::optional<Outcome<R>>> slots;
        AnyFuture future;
        /// What has been sent to a worker, while it may have to be sent again.
        std::optional<MapChunk> sent;
        /// Moves the result of the future into the slots; true if it has begun another call, for the rest.
        bool (*collect)(Chunk&) = nullptr;
        bool done = false;

    private:
        void on_done() noexcept override { stream->finish(*this); }
        void on_abandoned() noexcept override {}
        void list_waiters(std::vector<FutureState*>& waiters) const override {
            stream->waiters_.for_each([&](const Wait& wait) { waiters.push_back(wait.waiting_future()); });
        }
    };

    /// Takes at most `size` items from the range into the chunk and starts their call. Calls `end_with` when
    /// the range has ended or failed. Throws if the executor refuses.
    virtual void start(Chunk& chunk, std::size_t size) = 0;
    /// There are no more items, because of an error or because that was all.
    void end_with(std::exception_ptr error) noexcept {
        ended_ = true;
        error_ = std::move(error);
    }
    [[nodiscard]] MapPace& pace() noexcept { return pace_; }

private:
    [[nodiscard]] bool has_room() const noexcept { return !ended_ && out_ + pace_.chunk() <= pace_.window(); }
    void keep(std::unique_ptr<Chunk> started) {
        if (started->slots.empty()) return;
        Chunk& chunk = *started;
        chunks_.push_back(std::move(started));
        next_index_ += chunk.slots.size();
        out_ += chunk.slots.size();
        if (!chunk.future || chunk.future.done())
            finish(chunk);
        else
            chunk.future.state().add_callback(chunk);
    }

    void finish(Chunk& chunk) noexcept {
        try {
            while (chunk.future && chunk.collect(chunk)) {
                if (chunk.future.done()) continue;
                chunk.future.state().add_callback(chunk);
                return;
            }
        } catch (...) {
            // The call as a whole has failed: each of the items that are left has.
            for (auto& slot : chunk.slots)
                if (!slot) slot.emplace(std::current_exception());
        }
        chunk.future = AnyFuture();
        chunk.sent.reset();
        chunk.done = true;
        if (!ordered_) done_.push_back(&chunk);
        if (!filling_) serve_waiters();
    }

    [[nodiscard]] Chunk* first_done() const noexcept {
        if (!ordered_) return done_.empty() ? nullptr : done_.front();
        return chunks_.empty() || !chunks_.front()->done ? nullptr : chunks_.front().get();
    }
    void remove(Chunk& chunk) noexcept {
        if (!ordered_) done_.pop_front();
        std::erase_if(chunks_, [&](const std::unique_ptr<Chunk>& each) { return each.get() == &chunk; });
    }
    void serve_waiters() noexcept {
        while (Wait* const wait = waiters_.front()) {
            if (!assign(*wait)) return;
            wait->end();
        }
    }
    void cancel_all() noexcept {
        done_.clear();
        out_ = 0;
        for (const auto& chunk : std::exchange(chunks_, {})) {
            chunk->unlink();
            if (chunk->future) chunk->future.cancel();
        }
    }

    Ref<LoopState> loop_;
    MapPace pace_;
    bool ordered_;
    std::deque<std::unique_ptr<Chunk>> chunks_;
    /// If results come as they are there: the chunks whose turn it is.
    std::deque<Chunk*> done_;
    IntrusiveList<Wait> waiters_;
    std::size_t next_index_ = 0;
    /// Items taken from the range whose results have not been read.
    std::size_t out_ = 0;
    bool ended_ = false;
    bool filling_ = false;
    std::exception_ptr error_;
};

} // namespace detail
} // namespace aio
