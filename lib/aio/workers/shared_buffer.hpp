#pragma once
/// SharedBuffer: memory that worker processes share, for data too large to be copied to them.
///
///     aio::SharedBuffer image(width * height);
///     load_into(image.bytes());
///     co_await loop.run_in_executor(processes, sharpen, image); // void sharpen(aio::SharedBuffer image);
///     save(image.bytes());                                      // what the worker has written
///
/// A buffer can be an argument or a result of a call in a `ProcessPoolExecutor`, or be anywhere in one: in a
/// struct, a vector, a map; so it can be in the items of `aio::map`. What travels is a reference; the process
/// at the other end works on the same bytes. Only the initializer of a pool gets copies of them. Everything
/// else is copied, a vector of any size too: small calls and results through the worker's pipe, those from
/// 256 KiB on through shared memory as well, but still with a copy at either end. In the other executors, and
/// in a program without pools, a buffer is memory with several owners.
///
/// The memory has no name, in the file system or elsewhere, and is gone with the last process that uses it,
/// however that ends. It is used again and again, because new memory is slow: make a buffer per call, and
/// drop it. A buffer keeps a descriptor open, of which a process has a limited number.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>

#include <aio/core/errors.hpp>
#include <aio/workers/codec_base.hpp>
#include <aio/workers/codec_shape.hpp>

namespace aio {

namespace detail {
class SlabLease;
}

/// A handle on memory, like a `shared_ptr` to an array of bytes: copies share the bytes, and constness of the
/// handle is not constness of the bytes. Different handles may be used in different threads and processes;
/// those who write at the same time have to agree on who writes where. The end of a call orders the two
/// sides: its result comes after all that it has written.
///
/// A handle that a function keeps in its worker beyond the call keeps the memory, too. When a worker dies
/// during a call, what it has written until then stays written.
///
/// On Windows, where there are no worker processes, this is ordinary memory with the same interface.
class SharedBuffer {
public:
    /// Of size 0.
    SharedBuffer() noexcept = default;
    /// Of `bytes` bytes, whose values are unspecified. The address is that of a page. Throws
    /// `std::system_error` when there is no memory left, or no descriptor.
    explicit SharedBuffer(std::size_t bytes);

    /// The elements of a contiguous range, copied. Throws as the constructor does.
    template <std::ranges::contiguous_range Range>
        requires std::is_trivially_copyable_v<std::ranges::range_value_t<Range>> &&
                 std::ranges::sized_range<Range>
    [[nodiscard]] static SharedBuffer copy_of(const Range& range) {
        const std::size_t bytes = std::ranges::size(range) * sizeof(std::ranges::range_value_t<Range>);
        SharedBuffer buffer(bytes);
        if (bytes != 0) std::memcpy(buffer.data(), std::ranges::data(range), bytes);
        return buffer;
    }

    /// Null when the size is 0.
    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    /// In bytes.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data_, size_}; }

    /// The memory as elements of type T, as many as fit. Throws `ValueError` when it does not begin where a T
    /// may, which can only be after `slice`.
    template <class T>
        requires std::is_trivially_copyable_v<T>
    [[nodiscard]] std::span<T> span() const {
        expect_alignment(alignof(T));
        return {reinterpret_cast<T*>(data_), size_ / sizeof(T)};
    }

    /// A handle on `count` of the bytes, from `offset` on: a part of the work for one call of several. Throws
    /// `ValueError` when they are not all there.
    [[nodiscard]] SharedBuffer slice(std::size_t offset, std::size_t count) const;
    /// Makes this handle, and no other, end after `bytes` bytes; the memory stays what it is. Throws
    /// `ValueError` when it has fewer.
    void resize(std::size_t bytes);

    /// How much memory that no buffer uses stays allocated for the next ones, in this process and in the
    /// workers of its pools together; 256 MiB unless told otherwise. What exceeds it is given back now, and
    /// what workers have of it when they end.
    static void set_idle_limit(std::size_t bytes);
    /// How much that is at the moment.
    [[nodiscard]] static std::size_t idle_bytes();

private:
    friend struct Codec<SharedBuffer>;
    SharedBuffer(std::shared_ptr<detail::SlabLease> slab, std::size_t offset, std::size_t bytes) noexcept;
    void expect_alignment(std::size_t alignment) const;

    std::shared_ptr<detail::SlabLease> slab_;
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

/// A reference where the other process can be sent the memory, which is in calls of process pools; the
/// contents elsewhere. Decoding throws `DecodeError` for a reference to what is not there.
template <>
struct Codec<SharedBuffer> {
    static constexpr std::size_t min_size = 1 + sizeof(std::uint64_t);
    static constexpr std::uint64_t shape = detail::hash_text("SharedBuffer");

    static void encode(ByteWriter& out, const SharedBuffer& buffer);
    [[nodiscard]] static SharedBuffer decode(ByteReader& in);
};

} // namespace aio
