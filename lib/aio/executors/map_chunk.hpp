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
#include <aio/workers/remote_call.hpp>

namespace aio::detail {

using MapBytes = std::vector<std::byte>;

/// Beyond this no further item is put into a chunk.
inline constexpr std::size_t full_chunk_bytes = std::size_t{1} << 20;

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
    MapAnswerWriter();
    /// The result of an item is `call(out)`, or what that throws. One for which there is no room left in a
    /// message fails.
    template <class Call>
    void add(Call call) {
        const std::size_t start = begin();
        try {
            call(out_);
            check_room(start);
        } catch (...) {
            fail(start);
        }
        finish(start);
    }
    [[nodiscard]] MapBytes take();

private:
    std::size_t begin();
    void check_room(std::size_t start) const;
    void fail(std::size_t start);
    void finish(std::size_t start);

    ByteWriter out_;
    std::chrono::steady_clock::time_point began_;
};

/// At the caller: reads the answer. Every function throws `DecodeError`.
class MapAnswerReader {
public:
    explicit MapAnswerReader(std::span<const std::byte> answer);
    [[nodiscard]] std::chrono::nanoseconds took() const noexcept { return took_; }
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
                return Outcome<R>(std::in_place, decode_result<std::remove_cv_t<R>>(bytes));
            }
        } catch (...) {
            return Outcome<R>(std::current_exception());
        }
    }

private:
    [[nodiscard]] std::exception_ptr decode_failure(std::span<const std::byte> bytes) const;

    ByteReader in_;
    std::int64_t pid_;
    std::chrono::nanoseconds took_;
};

/// In the worker: makes the calls of a chunk.
template <class F, class... Wire>
MapBytes run_map_chunk(const MapBytes& chunk) {
    ByteReader in(chunk);
    expect_signature(in, signature_hash<F, Wire...>());
    const ByteReader at_callable = in;
    F callable = decode_callable<F>(in);
    MapAnswerWriter answer;
    while (in.remaining() != 0) {
        ByteReader item(in.read(in.read_count(1)));
        answer.add([&](ByteWriter& out) {
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
    return answer.take();
}

/// The beginning of a chunk for `run_map_chunk`.
template <class F, class... Wire>
void begin_map_chunk(ByteWriter& out, const F& callable) {
    out.append_scalar(signature_hash<F, Wire...>());
    encode_callable<F>(out, callable);
}

} // namespace aio::detail
