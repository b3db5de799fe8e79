#pragma once
// Compile-time hashing for `schema_hash`: FNV-1a over names and numbers that we choose, never over names that
// a compiler prints, which differ between compilers and collide for lambdas.

#include <cstdint>
#include <string_view>

namespace aio::detail {

inline constexpr std::uint64_t fnv_offset = 14695981039346656037ULL;
inline constexpr std::uint64_t fnv_prime = 1099511628211ULL;

/// Continues `hash` with the bytes of `text`.
[[nodiscard]] constexpr std::uint64_t hash_text(std::string_view text, std::uint64_t hash = fnv_offset) {
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * fnv_prime;
    }
    return hash;
}

/// Continues `hash` with the eight bytes of `number`.
[[nodiscard]] constexpr std::uint64_t hash_number(std::uint64_t number, std::uint64_t hash = fnv_offset) {
    for (int shift = 0; shift < 64; shift += 8) {
        hash = (hash ^ ((number >> shift) & 0xFFU)) * fnv_prime;
    }
    return hash;
}

} // namespace aio::detail
