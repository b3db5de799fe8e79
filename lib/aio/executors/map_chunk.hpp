#pragma once

/// How many calls of one function travel to another process as one call.
///
/// There: the callable, then the arguments of each item, with their length before them, so that an item that
/// cannot be read fails alone. Back: the process, the time it took, and for each item its result or its
/// exception.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/executors/map_journal.hpp>
#include <aio/structure/outcome.hpp>
#include <aio/workers/buffer_list.hpp>
#include <aio/workers/remote_call.hpp>

namespace aio::detail {

using MapBytes = std::vector<std::byte>;

/// Beyond this no further item is put into a chunk.
inline constexpr std::size_t full_chunk_bytes = std::size_t{1} << 20;

/// The callable and the items, written before it is known how they travel, and the shared memory that they
/// refer to. Copies share all that.
class MapChunk {
public:
    /// The items begin at `items_at`.
    MapChunk(MapBytes bytes, std::size_t items_at, BufferList buffers)
        : written_(std::make_shared<Written>(std::move(bytes), items_at, std::move(buffers))),
          from_(items_at) {}

    /// Has the results written to a journal. Throws what `MapJournal::create` throws.
    void keep_journal() { journal_ = MapJournal::create(); }
    [[nodiscard]] MapJournal& journal() noexcept { return journal_; }
    /// Leaves out the next items, which must be there.
    void skip(std::size_t items);

    // What the worker gets: two pieces, one behind the other.
    [[nodiscard]] std::span<const std::byte> callable() const noexcept {
        return std::span(written_->bytes).first(written_->items_at);
    }
    [[nodiscard]] std::span<const std::byte> items() const noexcept {
        return std::span(written_->bytes).subspan(from_);
    }
    [[nodiscard]] BufferList& buffers() const noexcept { return written_->buffers; }
    [[nodiscard]] const SharedBuffer& journal_memory() const noexcept { return journal_.memory(); }

private:
    class Written {
    public:
        Written(MapBytes written_bytes, std::size_t start_of_items, BufferList references) noexcept
            : bytes(std::move(written_bytes)), items_at(start_of_items), buffers(std::move(references)) {}
        MapBytes bytes;
        std::size_t items_at;
        BufferList buffers;
    };

    std::shared_ptr<Written> written_;
    std::size_t from_;
    MapJournal journal_;
};

/// What comes back: the outcomes that are not in the journal.
template <class R>
class MapAnswer {
public:
    // Not an aggregate, whose fields the codec would look at.
    MapAnswer() noexcept = default;

    std::chrono::nanoseconds took{};
    std::size_t bytes = 0;
    /// Whether results refer to shared memory. They are never in the journal: their memory might go with the
    /// worker.
    bool has_buffers = false;
    std::vector<Outcome<R>> outcomes;
};

/// The beginning of a chunk for `MapChunkCall`.
template <class F, class... Wire>
void begin_map_chunk(ByteWriter& out, const F& callable) {
    out.append_scalar(signature_hash<F, Wire...>());
    encode_callable<F>(out, callable);
}

/// Appends an item. Throws what the codec throws; `out` is then as before.
template <class... Args>
void write_map_item(ByteWriter& out, const std::tuple<Args...>& arguments) {
    const std::size_t start = out.size();
    try {
        out.append_scalar(std::uint32_t{0});
        std::apply([&](const Args&... each) { (encode_argument(out, each), ...); }, arguments);
        const auto size = static_cast<std::uint32_t>(out.size() - start - sizeof(std::uint32_t));
        out.overwrite(start, std::as_bytes(std::span(&size, 1)));
    } catch (...) {
        out.truncate(start);
        throw;
    }
}

/// Tells whether the memory of shared buffers goes along.
class CountingLink final : public BufferLink {
public:
    explicit CountingLink(BufferLink* link) noexcept : link_(link) {}
    [[nodiscard]] bool attach(const SlabRef& slab) override {
        attached_ = true;
        return link_ != nullptr && link_->attach(slab);
    }
    [[nodiscard]] SlabRef resolve(std::uint64_t id) override;
    [[nodiscard]] bool attached() const noexcept { return attached_; }

private:
    BufferLink* link_;
    bool attached_ = false;
};

/// In the worker: writes the answer, an item after the other; into the journal for as long as that takes it.
class MapAnswerWriter {
public:
    MapAnswerWriter(ByteWriter& out, MapJournal journal);
    MapAnswerWriter(const MapAnswerWriter&) = delete;
    MapAnswerWriter& operator=(const MapAnswerWriter&) = delete;
    ~MapAnswerWriter();
    /// The result of an item is what `call()` writes, or what it throws. One for which there is no room left
    /// in a message fails.
    template <class Call>
    void add(Call call) {
        const std::size_t start = begin();
        try {
            call();
            check_room(start);
        } catch (...) {
            fail(start);
        }
        finish(start);
    }
    /// To be called after the last one.
    void end();

private:
    std::size_t begin();
    void check_room(std::size_t start) const;
    void fail(std::size_t start);
    void finish(std::size_t start);

    ByteWriter& out_;
    const std::size_t start_;
    MapJournal journal_;
    bool journal_open_ = true;
    BufferLink* const usual_link_;
    CountingLink link_;
    std::uint32_t items_ = 0;
    std::chrono::steady_clock::time_point began_;
};

/// What the call for an item, made in process `pid`, threw.
[[nodiscard]] std::exception_ptr decode_map_failure(std::span<const std::byte> bytes, std::int64_t pid);

/// The outcome of the next item. Throws `DecodeError`.
template <class R>
Outcome<R> read_map_outcome(ByteReader& in, std::int64_t pid) {
    const bool failed = in.read_scalar<std::uint8_t>() != 0;
    const std::span<const std::byte> bytes = in.read(in.read_count(1));
    if (failed) return Outcome<R>(decode_map_failure(bytes, pid));
    try {
        if constexpr (std::is_void_v<R>) {
            decode_result<void>(bytes);
            return Outcome<void>(std::in_place);
        } else {
            return Outcome<R>(std::in_place, decode_result<std::remove_cv_t<R>>(bytes, in.buffer_link()));
        }
    } catch (...) {
        return Outcome<R>(std::current_exception());
    }
}

/// At the caller: the head of the answer, which the outcomes follow. Throws `DecodeError`.
class MapAnswerHead {
public:
    explicit MapAnswerHead(ByteReader& in);
    std::int64_t pid;
    std::chrono::nanoseconds took;
    bool has_buffers;
    std::size_t items;
};

/// Makes the calls of a chunk.
template <class F, class... Wire>
void run_map_chunk(ByteReader& in, MapJournal journal, ByteWriter& out) {
    expect_signature(in, signature_hash<F, Wire...>());
    const ByteReader at_callable = in;
    F callable = decode_callable<F>(in);
    MapAnswerWriter answer(out, std::move(journal));
    while (in.remaining() != 0) {
        ByteReader item(in.read(in.read_count(1)));
        item.set_buffer_link(in.buffer_link());
        answer.add([&] {
            // A call may use its callable up.
            if constexpr (std::is_copy_constructible_v<F>) {
                F copy = callable;
                call_encoded<F, Wire...>(copy, item, out);
            } else {
                ByteReader again = at_callable;
                F copy = decode_callable<F>(again);
                call_encoded<F, Wire...>(copy, item, out);
            }
        });
    }
    answer.end();
}

/// The function that gets the chunk. In a worker the items are read where they lie, and the results written
/// where they are sent from, so that shared buffers in them go the way of those of any other call.
template <class R, class F, class... Wire>
class MapChunkCall {
public:
    /// In this process, which keeps no journal.
    MapAnswer<R> operator()(MapChunk chunk) const {
        BufferList results;
        ByteWriter out;
        out.set_buffer_link(&results);
        ByteWriter bytes;
        bytes.append(chunk.callable());
        bytes.append(chunk.items());
        ByteReader in(bytes.bytes());
        in.set_buffer_link(&chunk.buffers());
        run_map_chunk<F, Wire...>(in, MapJournal(), out);
        return decode_all<MapAnswer<R>>(out.bytes(), &results);
    }

    using EncodedArguments = std::tuple<MapChunk>;
    void run_encoded(ByteReader& in, ByteWriter& out) const {
        MapJournal journal(aio::decode<SharedBuffer>(in));
        ByteReader chunk(in.read(in.read_count(1)));
        chunk.set_buffer_link(in.buffer_link());
        in.expect_end();
        run_map_chunk<F, Wire...>(chunk, std::move(journal), out);
    }
};

} // namespace aio::detail

namespace aio {

template <>
struct Codec<detail::MapChunk> {
    static constexpr std::size_t min_size = sizeof(std::uint32_t) + Codec<SharedBuffer>::min_size;
    static constexpr std::uint64_t shape = detail::hash_text("MapChunk");

    /// Throws `EncodeError` when the memory that the items refer to cannot go along.
    static void encode(ByteWriter& out, const detail::MapChunk& chunk);
    /// A chunk is read where it lies, by `MapChunkCall`.
    [[nodiscard]] static detail::MapChunk decode(ByteReader& in);
};

template <class R>
struct Codec<detail::MapAnswer<R>> {
    static constexpr std::size_t min_size = 2 * sizeof(std::int64_t) + 1 + sizeof(std::uint32_t);
    static constexpr std::uint64_t shape = detail::hash_text("MapAnswer");

    /// An answer is written piece by piece, by a `MapAnswerWriter`.
    static void encode(ByteWriter&, const detail::MapAnswer<R>&) {
        throw EncodeError("the answer to a chunk of map cannot be sent on");
    }
    [[nodiscard]] static detail::MapAnswer<R> decode(ByteReader& in) {
        detail::MapAnswer<R> answer;
        answer.bytes = in.remaining();
        const detail::MapAnswerHead head(in);
        answer.took = head.took;
        answer.has_buffers = head.has_buffers;
        answer.outcomes.reserve(head.items);
        for (std::size_t i = 0; i < head.items; ++i)
            answer.outcomes.push_back(detail::read_map_outcome<R>(in, head.pid));
        return answer;
    }
};

} // namespace aio
