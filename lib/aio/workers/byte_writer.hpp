#pragma once
// ByteWriter: the growing buffer that `encode` writes into. One writer may hold several values one after
// another; `clear()` keeps the memory, so a writer that is reused does not allocate in the long run.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/workers/codec_error.hpp>

namespace aio {

namespace detail {
class BufferLink;
}

/// How many containers and pointers a value may be nested in. The writer refuses what the reader would
/// refuse, so that too deep a value fails where it is sent and not in the other process.
inline constexpr unsigned max_codec_depth = 256;

/// Appends bytes to a buffer it owns. Numbers are written in the byte order of this machine: the reader is
/// another process of the same host and the same build. Not thread-safe. A function that throws leaves the
/// bytes written so far; go back with `truncate`.
class ByteWriter {
public:
    ByteWriter() = default;
    ByteWriter(const ByteWriter&) = default;
    ByteWriter& operator=(const ByteWriter&) = default;
    /// Leaves `other` empty, and usable.
    ByteWriter(ByteWriter&& other) noexcept
        : bytes_(std::exchange(other.bytes_, {})),
          used_(std::exchange(other.used_, 0)),
          buffer_link_(other.buffer_link_),
          depth_(other.depth_) {}
    ByteWriter& operator=(ByteWriter&& other) noexcept {
        bytes_ = std::exchange(other.bytes_, {});
        used_ = std::exchange(other.used_, 0);
        buffer_link_ = other.buffer_link_;
        depth_ = other.depth_;
        return *this;
    }
    ~ByteWriter() = default;

    /// Appends `size` bytes from `data`; `data` may be null when `size` is 0.
    void append(const void* data, std::size_t size) {
        if (size > bytes_.size() - used_) {
            append_beyond_room(data, size);
            return;
        }
        if (size != 0) std::memcpy(bytes_.data() + used_, data, size);
        used_ += size;
    }

    void append(std::span<const std::byte> bytes) { append(bytes.data(), bytes.size()); }

    /// Appends the object representation of a number or an enumerator.
    template <class T>
        requires std::is_arithmetic_v<T> || std::is_enum_v<T>
    void append_scalar(T value) {
        append(&value, sizeof value);
    }

    /// Appends the number of elements that follow. Throws EncodeError when it does not fit 32 bits.
    void append_count(std::size_t count) {
        if (count > std::numeric_limits<std::uint32_t>::max()) {
            throw EncodeError("cannot encode " + std::to_string(count) +
                              " elements: the limit is 4294967295");
        }
        append_scalar(static_cast<std::uint32_t>(count));
    }

    /// Replaces bytes written before; `offset + bytes.size()` must not exceed `size()`.
    void overwrite(std::size_t offset, std::span<const std::byte> bytes) {
        if (offset > used_ || bytes.size() > used_ - offset) {
            throw std::out_of_range("ByteWriter::overwrite: beyond the end of the buffer");
        }
        if (!bytes.empty()) {
            std::memcpy(bytes_.data() + offset, bytes.data(), bytes.size());
        }
    }

    /// Drops everything after the first `size` bytes; does nothing when there are no more than that.
    void truncate(std::size_t size) {
        if (size < used_) used_ = size;
    }

    void clear() noexcept { used_ = 0; }
    void reserve(std::size_t size) { bytes_.reserve(size); }

    [[nodiscard]] std::size_t size() const noexcept { return used_; }

    /// What was written so far; invalid after the next append.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return std::span(bytes_).first(used_); }

    /// Hands the buffer over and leaves the writer empty.
    [[nodiscard]] std::vector<std::byte> take() noexcept {
        bytes_.resize(used_);
        used_ = 0;
        return std::exchange(bytes_, {});
    }

    /// The way for shared buffers beside these bytes, or null, which it is at first. The link must live while
    /// it is set.
    [[nodiscard]] detail::BufferLink* buffer_link() const noexcept { return buffer_link_; }
    void set_buffer_link(detail::BufferLink* link) noexcept { buffer_link_ = link; }

    /// Marks one level of nesting for as long as it lives; the constructor throws EncodeError beyond
    /// `max_codec_depth`.
    class Nesting {
    public:
        explicit Nesting(ByteWriter& writer) : writer_(writer) {
            if (writer.depth_ >= max_codec_depth) {
                throw EncodeError("cannot encode a value nested deeper than " +
                                  std::to_string(max_codec_depth));
            }
            ++writer.depth_;
        }
        Nesting(const Nesting&) = delete;
        Nesting& operator=(const Nesting&) = delete;
        ~Nesting() { --writer_.depth_; }

    private:
        ByteWriter& writer_;
    };

private:
    void append_beyond_room(const void* data, std::size_t size);

    /// Beyond `used_` lies room.
    std::vector<std::byte> bytes_;
    std::size_t used_ = 0;
    detail::BufferLink* buffer_link_ = nullptr;
    unsigned depth_ = 0;
};

} // namespace aio
