#pragma once

/// What is fuzzed: everything that reads bytes from another process, and the HTTP server and the Redis client
/// of the samples. A target takes any bytes and must come back; what it finds wrong it throws as `Finding`.
///
/// The normal tests run each target over mutations of valid inputs (mutation_test.cpp). For more than that,
/// build the targets with libFuzzer, which needs clang, and run one for as long as you like:
///
///     export CC=clang CXX=clang++
///     meson setup build/fuzz -Dfuzzers=enabled -Db_sanitize=address,undefined -Db_lundef=false
///     ninja -C build/fuzz && build/fuzz/tests/fuzz/fuzz_codec -max_total_time=60

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace fuzz {

using Bytes = std::vector<std::byte>;

/// A promise of the library that some input breaks.
class Finding : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

inline void require(bool holds, const char* promise) {
    if (!holds) throw Finding(promise);
}

/// Decodes a value in which every kind of type occurs.
void decode_everything(std::span<const std::byte> bytes);
/// Cuts a stream into frames. The first byte says in what pieces it comes, and whether the checksum of the
/// first header is put right before: without that hardly any mutation would get past it.
void parse_frames(std::span<const std::byte> bytes);
/// Makes the exception that another process has described.
void decode_remote_error(std::span<const std::byte> bytes);

/// Looks for separators in bytes that come in pieces, with `readuntil`, and checks the result against a plain
/// search in all of them. The input says the separators, the limit and the pieces.
void read_until(std::span<const std::byte> bytes);

/// Lets a client send the bytes to the HTTP server of the samples, and checks that it gets whole answers, of
/// which none shows what lies outside the served directory. The first byte says in what pieces the rest
/// comes, and whether the client stays when it has sent it. Only where Boost is.
void serve_requests(std::span<const std::byte> bytes);

/// Reads answers of a Redis server as the sample does, and checks that it makes no difference in what pieces
/// they come, which the first byte says.
void read_answers(std::span<const std::byte> bytes);

/// Texts as inputs.
inline std::vector<Bytes> inputs_of(std::span<const std::string_view> texts) {
    std::vector<Bytes> inputs;
    for (const std::string_view text : texts) {
        const auto bytes = std::as_bytes(std::span(text));
        inputs.emplace_back(bytes.begin(), bytes.end());
    }
    return inputs;
}

/// Inputs that are valid, to start from.
std::vector<Bytes> valid_everything();
std::vector<Bytes> valid_frames();
std::vector<Bytes> valid_remote_errors();
std::vector<Bytes> valid_separated();
std::vector<Bytes> valid_requests();
std::vector<Bytes> valid_answers();

} // namespace fuzz
