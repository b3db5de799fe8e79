#pragma once

/// How values travel to an interpreter and back: as bytes that describe themselves, written by `ValueWriter`
/// and read by `ValueReader`.
///
/// An argument is written when the call is submitted, by the caller, and a result when the call returns, by
/// the worker thread. So nothing is shared: an interpreter never sees memory of the program. Reading
/// allocates nothing and throws nothing, which is what code inside Lua's frames needs.
///
///     nil, false, true: a byte
///     integer, float: a byte, 8 bytes
///     string: a byte, its size, its bytes
///     table: a byte, the number of elements, the number of fields, the elements, key and value of each field

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include <aio/workers/byte_writer.hpp>

namespace aio::detail {

/// How deep tables may be nested.
inline constexpr unsigned max_value_depth = 200;

enum class ValueTag : std::uint8_t { nil, no, yes, integer, number, string, table };

/// Appends values to a buffer it owns.
class ValueWriter {
public:
    void nil() { bytes_.append_scalar(ValueTag::nil); }
    void boolean(bool value) { bytes_.append_scalar(value ? ValueTag::yes : ValueTag::no); }
    void integer(std::int64_t value) { tagged(ValueTag::integer, value); }
    void number(double value) { tagged(ValueTag::number, value); }
    void string(std::string_view value) {
        tagged(ValueTag::string, value.size());
        bytes_.append(value.data(), value.size());
    }

    /// A table: as many values as it has elements, then twice as many as it has fields, must be written while
    /// this lives.
    class Table {
    public:
        /// Throws `ConversionError` when the tables around it are `max_value_depth` already.
        explicit Table(ValueWriter& writer, std::size_t elements = 0, std::size_t fields = 0);
        Table(const Table&) = delete;
        Table& operator=(const Table&) = delete;
        ~Table() { --writer_.depth_; }

        /// Corrects the numbers given to the constructor, when they were not known then.
        void set_counts(std::size_t elements, std::size_t fields);

    private:
        ValueWriter& writer_;
        std::size_t counts_at_;
    };

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_.bytes(); }
    [[nodiscard]] std::vector<std::byte> take() noexcept { return bytes_.take(); }
    void clear() noexcept { bytes_.clear(); }

private:
    template <class T>
    void tagged(ValueTag tag, T value) {
        std::array<std::byte, 1 + sizeof value> both;
        both[0] = static_cast<std::byte>(tag);
        std::memcpy(both.data() + 1, &value, sizeof value);
        bytes_.append(both);
    }

    ByteWriter bytes_;
    unsigned depth_ = 0;
};

} // namespace aio::detail
