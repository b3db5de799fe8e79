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

#include <aio/structure/outcome.hpp>
#include <aio/workers/buffer_list.hpp>
#include <aio/workers/remote_call.hpp>

namespace aio::detail {

using MapBytes = std::vector<std::byte>;

/// Beyond this no further item is put into a chunk.
inline constexpr std::size_t full_chunk_bytes = std::size_t{1} << 20;

/// The callable and the items, written before it is known how they travel, and the shared memory that they
/// refer to.
class MapChunk {
public:
    MapChunk(MapBytes chunk_bytes, BufferList chunk_buffers) noexcept
        : bytes(std::move(chunk_bytes)), buffers(std::move(chunk_buffers)) {}

    MapBytes bytes;
    BufferList buffers;
};

/// What comes back.
template <class R>
class MapAnswer {
public:
    std::chrono::nanoseconds took{};
    std::size_t bytes = 0;
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

/// In the worker: writes the answer, an item after the other.
class MapAnswerWriter {
public:
    explicit MapAnswerWriter(ByteWriter& out);
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
    std::uint32_t items_ = 0;
    std::chrono::steady_clock::time_point began_;
};

/// At the caller: reads the answer. Every function throws `DecodeError`.
class MapAnswerReader {
public:
    explicit MapAnswerReader(ByteReader& in);
    [[nodiscard]] std::chrono::nanoseconds took() const noexcept { return took_; }
    [[nodiscard]] std::size_t items() const noexcept { return items_; }
    /// The outcome of the next item.
    template <class R>
    Outcome<R> next() {
        const bool failed = in_.read_flag("failure of an item");
        const auto bytes = in_.read(in_.read_count(1));
        try {
            if (failed) return Outcome<R>(decode_failure(bytes));
            if constexpr (std::is_void_v<R>) {
                decode_result<void>(bytes);
                return Outcome<void>(std::in_place);
            } else {
                return Outcome<R>(std::in_place,
                                  decode_result<std::remove_cv_t<R>>(bytes, in_.buffer_link()));
            }
        } catch (...) {
            return Outcome<R>(std::current_exception());
        }
    }

private:
    [[nodiscard]] std::exception_ptr decode_failure(std::span<const std::byte> bytes) const;

    ByteReader& in_;
    std::int64_t pid_;
    std::chrono::nanoseconds took_;
    std::size_t items_;
};

/// Makes the calls of a chunk.
template <class F, class... Wire>
void run_map_chunk(ByteReader& in, ByteWriter& out) {
    expect_signature(in, signature_hash<F, Wire...>());
    const ByteReader at_callable = in;
    F callable = decode_callable<F>(in);
    MapAnswerWriter answer(out);
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
    /// In this process.
    MapAnswer<R> operator()(MapChunk chunk) const {
        BufferList results;
        ByteWriter out;
        out.set_buffer_link(&results);
        ByteReader in(chunk.bytes);
        in.set_buffer_link(&chunk.buffers);
        run_map_chunk<F, Wire...>(in, out);
        return decode_all<MapAnswer<R>>(out.bytes(), &results);
    }

    using EncodedArguments = std::tuple<MapChunk>;
    void run_encoded(ByteReader& in, ByteWriter& out) const {
        ByteReader chunk(in.read(in.read_count(1)));
        chunk.set_buffer_link(in.buffer_link());
        in.expect_end();
        run_map_chunk<F, Wire...>(chunk, out);
    }
};

} // namespace aio::detail

namespace aio {

template <>
struct Codec<detail::MapChunk> {
    static constexpr std::size_t min_size = sizeof(std::uint32_t);
    static constexpr std::uint64_t shape = detail::hash_text("MapChunk");

    /// Throws `EncodeError` when the memory that the items refer to cannot go along.
    static void encode(ByteWriter& out, const detail::MapChunk& chunk);
    /// Without the memory, which the link of `in` knows.
    [[nodiscard]] static detail::MapChunk decode(ByteReader& in);
};

template <class R>
struct Codec<detail::MapAnswer<R>> {
    static constexpr std::size_t min_size = 2 * sizeof(std::int64_t) + sizeof(std::uint32_t);
    static constexpr std::uint64_t shape = detail::hash_text("MapAnswer");

    /// An answer is written piece by piece, by a `MapAnswerWriter`.
    static void encode(ByteWriter&, const detail::MapAnswer<R>&) {
        throw EncodeError("the answer to a chunk of map cannot be sent on");
    }
    [[nodiscard]] static detail::MapAnswer<R> decode(ByteReader& in) {
        detail::MapAnswer<R> answer;
        answer.bytes = in.remaining();
        detail::MapAnswerReader reader(in);
        answer.took = reader.took();
        answer.outcomes.reserve(reader.items());
        for (std::size_t i = 0; i < reader.items(); ++i) answer.outcomes.push_back(reader.template next<R>());
        return answer;
    }
};

} // namespace aio
