#pragma once
// Codecs of the operating system's types: paths and error codes.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <aio/workers/codec_sequence.hpp>

namespace aio {

template <>
struct Codec<std::filesystem::path> : detail::SequenceShape<std::filesystem::path::value_type> {
    static void encode(ByteWriter& out, const std::filesystem::path& path) {
        aio::encode(out, path.native());
    }
    static std::filesystem::path decode(ByteReader& in) {
        return std::filesystem::path(aio::decode<std::filesystem::path::string_type>(in));
    }
};

/// The value and the name of the category. The generic, system and iostream categories are known everywhere,
/// others after `register_error_category`. An unknown category is an EncodeError or a DecodeError.
template <>
struct Codec<std::error_code> {
    static constexpr std::size_t min_size = sizeof(std::uint32_t) + sizeof(int);
    static constexpr std::uint64_t shape = detail::hash_text("error_code");

    static void encode(ByteWriter& out, const std::error_code& code);
    static std::error_code decode(ByteReader& in);
};

/// Makes error codes of `category` encodable, by the name it reports. Call it in both processes, before the
/// first task: a worker forked from a zygote knows what was registered when the zygote was started.
/// `category` must live for ever. Thread-safe. Registering one name twice is harmless; the first stays.
void register_error_category(const std::error_category& category);

/// The category of that name, or null. Thread-safe.
[[nodiscard]] const std::error_category* find_error_category(std::string_view name) noexcept;

} // namespace aio
