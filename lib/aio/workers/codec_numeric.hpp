#pragma once
// Codecs of what is made of numbers and bits: complex, bitset.

#include <bitset>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <string>

#include <aio/workers/codec_scalar.hpp>

namespace aio {

/// The real and the imaginary part.
template <class T>
struct Codec<std::complex<T>> {
    using Parts = detail::TypeList<T, T>;
    static constexpr std::size_t min_size = 2 * detail::min_encoded_size<T>();
    static constexpr std::uint64_t shape = detail::hash_text("product");

    static void encode(ByteWriter& out, const std::complex<T>& value) {
        aio::encode(out, value.real());
        aio::encode(out, value.imag());
    }
    static std::complex<T> decode(ByteReader& in) {
        const T real = aio::decode<T>(in);
        return std::complex<T>(real, aio::decode<T>(in));
    }
};

/// Eight bits a byte, the first one lowest. No length is sent: it is part of the type. Bits of the last byte
/// that stand for nothing must be 0.
template <std::size_t N>
struct Codec<std::bitset<N>> {
    using Parts = detail::TypeList<>;
    static constexpr std::size_t min_size = N == 0 ? 1 : (N + 7) / 8;
    static constexpr std::uint64_t shape = detail::hash_number(N, detail::hash_text("bitset"));

    static void encode(ByteWriter& out, const std::bitset<N>& bits) {
        for (std::size_t byte = 0; byte < min_size; ++byte) {
            unsigned value = 0;
            for (std::size_t bit = byte * 8; bit < N && bit < byte * 8 + 8; ++bit) {
                value |= (bits[bit] ? 1U : 0U) << (bit % 8);
            }
            out.append_scalar(static_cast<std::uint8_t>(value));
        }
    }
    static std::bitset<N> decode(ByteReader& in) {
        std::bitset<N> bits;
        for (std::size_t byte = 0; byte < min_size; ++byte) {
            const auto value = in.read_scalar<std::uint8_t>();
            for (std::size_t bit = 0; bit < 8; ++bit) {
                if (((value >> bit) & 1U) == 0) {
                    continue;
                }
                if (byte * 8 + bit >= N) {
                    throw DecodeError("a bitset of " + std::to_string(N) + " bits has more of them");
                }
                bits.set(byte * 8 + bit);
            }
        }
        return bits;
    }
};

} // namespace aio
