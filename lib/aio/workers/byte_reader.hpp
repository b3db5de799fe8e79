#pragma once
// ByteReader: a cursor over received bytes. It trusts nothing: every length is compared with the bytes that
// are really there before anything is allocated, so a corrupt or hostile peer can neither crash the reader
// nor make it allocate much more than what it received.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

#include <aio/workers/byte_writer.hpp>
#include <aio/workers/codec_error.hpp>

namespace aio {

/// Reads what a ByteWriter of the same host wrote. Does not own the bytes: they must outlive the reader.
/// Every function throws DecodeError when the bytes are not what is asked for. Not thread-safe.
class ByteReader {
public:
    explicit ByteReader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

    [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - position_; }
    [[nodiscard]] std::size_t position() const noexcept { return position_; }

    /// The next `size` bytes, without copying them; the view lives as long as the bytes given to the
    /// constructor.
    [[nodiscard]] std::span<const std::byte> read(std::size_t size) {
        if (size > remaining()) refuse_size(size);
        const auto result = bytes_.subspan(position_, size);
        position_ += size;
        return result;
    }

    /// Copies the next `size` bytes to `target`.
    void read_to(void* target, std::size_t size) {
        const auto source = read(size);
        if (size != 0) {
            std::memcpy(target, source.data(), size);
        }
    }

    /// A number, or an enumerator by its object representation. Use `read_flag` for bool: not every byte is
    /// one.
    template <class T>
        requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) || std::is_enum_v<T>
    [[nodiscard]] T read_scalar() {
        T value{};
        read_to(&value, sizeof value);
        return value;
    }

    /// One byte that must be 0 or 1; `what` is named in the error.
    [[nodiscard]] bool read_flag(const char* what) {
        const auto value = read_scalar<std::uint8_t>();
        if (value > 1) refuse_flag(what, value);
        return value == 1;
    }

    /// The number of elements that follow, each of at least `min_element_size` (> 0) bytes. Refuses a number
    /// that the remaining bytes cannot hold, so the caller may allocate for it.
    [[nodiscard]] std::size_t read_count(std::size_t min_element_size) {
        const std::size_t count = read_scalar<std::uint32_t>();
        if (count > remaining() / min_element_size) refuse_count(count, min_element_size);
        return count;
    }

    /// The way on which the shared buffers of these bytes have come, or null, which it is at first. The link
    /// must live while it is set.
    [[nodiscard]] detail::BufferLink* buffer_link() const noexcept { return buffer_link_; }
    void set_buffer_link(detail::BufferLink* link) noexcept { buffer_link_ = link; }

    /// Throws DecodeError when bytes are left over: what was sent is not what was expected.
    void expect_end() const {
        if (remaining() != 0) refuse_rest();
    }

    /// Marks one level of nesting for as long as it lives; the constructor throws DecodeError beyond
    /// `max_codec_depth`.
    class Nesting {
    public:
        explicit Nesting(ByteReader& reader) : reader_(reader) {
            if (reader.depth_ >= max_codec_depth) {
                throw DecodeError("value nested deeper than " + std::to_string(max_codec_depth));
            }
            ++reader.depth_;
        }
        Nesting(const Nesting&) = delete;
        Nesting& operator=(const Nesting&) = delete;
        ~Nesting() { --reader_.depth_; }

    private:
        ByteReader& reader_;
    };

private:
    // Apart, so that what is called for every number stays small.
    [[noreturn]] void refuse_size(std::size_t size) const;
    [[noreturn]] static void refuse_flag(const char* what, unsigned value);
    [[noreturn]] void refuse_count(std::size_t count, std::size_t min_element_size) const;
    [[noreturn]] void refuse_rest() const;

    std::span<const std::byte> bytes_;
    detail::BufferLink* buffer_link_ = nullptr;
    std::size_t position_ = 0;
    unsigned depth_ = 0;
};

} // namespace aio
