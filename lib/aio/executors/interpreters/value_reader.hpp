#pragma once

/// Reads what a `ValueWriter` of this process wrote.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <aio/executors/interpreters/value_item.hpp>
#include <aio/executors/interpreters/value_writer.hpp>

namespace aio::detail {

/// A place in the bytes, which must outlive it. It trusts them, never throws, and is trivially destructible.
class ValueReader {
public:
    ValueReader() = default;
    explicit ValueReader(std::span<const std::byte> bytes) noexcept : next_(bytes.data()) {}

    /// The next value. Of a table, its elements and fields come next.
    [[nodiscard]] ValueItem next() noexcept {
        ValueItem item;
        switch (take<ValueTag>()) {
        case ValueTag::nil: break;
        case ValueTag::no: item.type = ValueType::boolean; break;
        case ValueTag::yes:
            item.type = ValueType::boolean;
            item.boolean = true;
            break;
        case ValueTag::integer:
            item.type = ValueType::integer;
            item.integer = take<std::int64_t>();
            break;
        case ValueTag::number:
            item.type = ValueType::number;
            item.number = take<double>();
            break;
        case ValueTag::string: {
            item.type = ValueType::string;
            const auto size = take<std::size_t>();
            item.text = std::string_view(reinterpret_cast<const char*>(next_), size);
            next_ += size;
            break;
        }
        case ValueTag::table:
            item.type = ValueType::table;
            item.elements = take<std::uint32_t>();
            item.fields = take<std::uint32_t>();
            break;
        }
        return item;
    }

    /// Passes over the next value with all it contains.
    void skip() noexcept {
        for (std::size_t left = 1; left != 0; --left) {
            const ValueItem item = next();
            left += item.elements + 2 * item.fields;
        }
    }

private:
    template <class T>
    T take() noexcept {
        T value;
        std::memcpy(&value, next_, sizeof value);
        next_ += sizeof value;
        return value;
    }

    const std::byte* next_ = nullptr;
};

} // namespace aio::detail
