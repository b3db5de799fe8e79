#include <aio/executors/interpreters/value_writer.hpp>

#include <array>
#include <limits>
#include <string>

#include <aio/executors/interpreters/conversion_error.hpp>

namespace aio::detail {
namespace {

std::uint32_t checked_count(std::size_t count) {
    if (count > std::numeric_limits<std::uint32_t>::max())
        throw ConversionError("a table of " + std::to_string(count) +
                              " values is too large: the limit is 4294967295");
    return static_cast<std::uint32_t>(count);
}

} // namespace

ValueWriter::Table::Table(ValueWriter& writer, std::size_t elements, std::size_t fields) : writer_(writer) {
    if (writer.depth_ == max_value_depth)
        throw ConversionError("tables are nested deeper than " + std::to_string(max_value_depth) + " levels");
    const std::array counts{checked_count(elements), checked_count(fields)};
    writer.bytes_.append_scalar(ValueTag::table);
    counts_at_ = writer.bytes_.size();
    writer.bytes_.append(std::as_bytes(std::span(counts)));
    ++writer.depth_;
}

void ValueWriter::Table::set_counts(std::size_t elements, std::size_t fields) {
    const std::array counts{checked_count(elements), checked_count(fields)};
    writer_.bytes_.overwrite(counts_at_, std::as_bytes(std::span(counts)));
}

} // namespace aio::detail
