#pragma once

/// How strings of bytes cross. An interpreter neither knows nor changes their encoding.

#include <concepts>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/executors/interpreters/value_format.hpp>

namespace aio::detail {

template <class Allocator>
struct ValueFormat<std::basic_string<char, std::char_traits<char>, Allocator>> {
    using String = std::basic_string<char, std::char_traits<char>, Allocator>;
    using Parts = TypeList<>;
    static void write(ValueWriter& out, const String& value) { out.string(value); }
    static String read(const ValueItem& item, ValueReader&) { return String(to_text(item)); }
};

template <>
struct ValueFormat<std::string_view> {
    using Parts = TypeList<>;
    static void write(ValueWriter& out, std::string_view value) { out.string(value); }
};

template <>
struct ValueFormat<const char*> {
    using Parts = TypeList<>;
    static void write(ValueWriter& out, const char* value) {
        if (value == nullptr) throw ConversionError("a null pointer to characters is no string");
        out.string(value);
    }
};
template <>
struct ValueFormat<char*> : ValueFormat<const char*> {};

/// A string of one byte.
template <>
struct ValueFormat<char> {
    using Parts = TypeList<>;
    static void write(ValueWriter& out, char value) { out.string(std::string_view(&value, 1)); }
    static char read(const ValueItem& item, ValueReader&) {
        const std::string_view text = to_text(item);
        if (text.size() != 1) throw_unexpected("a string of one byte", item);
        return text.front();
    }
};

/// The bytes that the system uses; on systems with wide paths, UTF-8.
template <>
struct ValueFormat<std::filesystem::path> {
    using Path = std::filesystem::path;
    using Parts = TypeList<>;
    static void write(ValueWriter& out, const Path& value) {
#if defined(_WIN32)
        const std::u8string text = value.u8string();
        out.string(std::string_view(reinterpret_cast<const char*>(text.data()), text.size()));
#else
        out.string(value.native());
#endif
    }
    static Path read(const ValueItem& item, ValueReader&) {
        const std::string_view text = to_text(item);
        if constexpr (std::same_as<Path::value_type, char>)
            return Path(text);
        else
            return Path(std::u8string(text.begin(), text.end()));
    }
};

/// Raw memory.
template <std::size_t Extent>
struct ValueFormat<std::span<const std::byte, Extent>> {
    using Parts = TypeList<>;
    static void write(ValueWriter& out, std::span<const std::byte> value) {
        out.string(std::string_view(reinterpret_cast<const char*>(value.data()), value.size()));
    }
};
template <std::size_t Extent>
struct ValueFormat<std::span<std::byte, Extent>> : ValueFormat<std::span<const std::byte, Extent>> {};

template <class Allocator>
struct ValueFormat<std::vector<std::byte, Allocator>> {
    using Bytes = std::vector<std::byte, Allocator>;
    using Parts = TypeList<>;
    static void write(ValueWriter& out, const Bytes& value) {
        ValueFormat<std::span<const std::byte>>::write(out, value);
    }
    static Bytes read(const ValueItem& item, ValueReader&) {
        const auto bytes = std::as_bytes(std::span(to_text(item)));
        return Bytes(bytes.begin(), bytes.end());
    }
};

} // namespace aio::detail
