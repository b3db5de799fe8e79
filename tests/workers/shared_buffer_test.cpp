#include <aio/workers/buffer_link.hpp>
#include <aio/workers/codec.hpp>
#include <aio/workers/shared_buffer.hpp>
#include <aio/workers/slab_arena.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using aio::SharedBuffer;

struct Picture {
    std::string name;
    SharedBuffer pixels;
};

/// Has one slab on offer, whatever is asked for.
class OneSlab final : public aio::detail::BufferLink {
public:
    bool attach(const std::shared_ptr<aio::detail::SlabLease>& slab) override {
        lease = slab;
        return true;
    }
    std::shared_ptr<aio::detail::SlabLease> resolve(std::uint64_t) override { return lease; }
    std::shared_ptr<aio::detail::SlabLease> lease;
};

/// What `buffer` becomes when its memory can be sent along.
aio::ByteWriter reference_to(OneSlab& link, const SharedBuffer& buffer) {
    aio::ByteWriter out;
    out.set_buffer_link(&link);
    aio::encode(out, buffer);
    return out;
}

/// Puts the idle limit back to what it is at first.
class IdleLimit {
public:
    explicit IdleLimit(std::size_t bytes) { SharedBuffer::set_idle_limit(bytes); }
    ~IdleLimit() { SharedBuffer::set_idle_limit(std::size_t{256} << 20); }
    IdleLimit(const IdleLimit&) = delete;
    IdleLimit& operator=(const IdleLimit&) = delete;
};

} // namespace

TEST_CASE("a shared buffer has the size asked for, and all of it can be written") {
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{4095}, std::size_t{65536}, std::size_t{65537}}) {
        const SharedBuffer buffer(size);
        REQUIRE(buffer.size() == size);
        REQUIRE(buffer.bytes().size() == size);
        std::ranges::fill(buffer.bytes(), std::byte{7});
        CHECK(buffer.bytes().back() == std::byte{7});
    }
}

TEST_CASE("a shared buffer of no bytes takes no memory and can be sent") {
    const SharedBuffer none;
    const SharedBuffer zero(0);
    CHECK(none.empty());
    CHECK(zero.data() == nullptr);
    CHECK(zero.span<double>().empty());
    aio::ByteWriter out;
    aio::encode(out, zero);
    CHECK(aio::decode_all<SharedBuffer>(out.bytes()).empty());
    CHECK(SharedBuffer::copy_of(std::vector<int>()).empty());
}

TEST_CASE("copies of a shared buffer share its bytes") {
    const SharedBuffer buffer = SharedBuffer::copy_of(std::vector<int>{1, 2, 3});
    const SharedBuffer copy = buffer; // NOLINT: that it is a copy is what is tested
    copy.span<int>()[1] = 20;
    CHECK(buffer.span<int>()[1] == 20);
    CHECK(buffer.span<int>().size() == 3);
}

TEST_CASE("a slice of a shared buffer is a part of it, and must lie in it") {
    const SharedBuffer buffer = SharedBuffer::copy_of(std::vector<int>{1, 2, 3, 4});
    const SharedBuffer slice = buffer.slice(4, 8);
    CHECK(slice.span<int>()[0] == 2);
    CHECK(slice.size() == 8);
    CHECK(buffer.slice(16, 0).empty());
    CHECK_THROWS_AS(static_cast<void>(buffer.slice(9, 8)), aio::ValueError);
    CHECK_THROWS_AS(static_cast<void>(buffer.slice(17, 0)), aio::ValueError);
    CHECK_THROWS_AS(static_cast<void>(buffer.slice(1, SIZE_MAX)), aio::ValueError);
    CHECK_THROWS_AS(static_cast<void>(buffer.slice(1, 8).span<int>()), aio::ValueError);
}

TEST_CASE("a shared buffer can become smaller, and not larger") {
    SharedBuffer buffer(100);
    const SharedBuffer other = buffer;
    buffer.resize(10);
    CHECK(buffer.size() == 10);
    CHECK(other.size() == 100);
    CHECK_THROWS_AS(buffer.resize(11), aio::ValueError);
    buffer.resize(0);
    CHECK(buffer.data() == nullptr);
}

TEST_CASE("a shared buffer that no memory can hold is an error of the system") {
    CHECK_THROWS_AS(SharedBuffer(SIZE_MAX), std::system_error);
    CHECK_THROWS_AS(SharedBuffer(std::size_t{1} << 61), std::system_error);
}

TEST_CASE("where memory cannot be sent, the contents of a shared buffer are copied") {
    std::map<std::string, std::vector<Picture>> album;
    album["a"].push_back(Picture{"one", SharedBuffer::copy_of(std::string("pixels"))});
    aio::ByteWriter out;
    aio::encode(out, album);
    const auto copy = aio::decode_all<std::map<std::string, std::vector<Picture>>>(out.bytes());
    const SharedBuffer& pixels = copy.at("a").at(0).pixels;
    REQUIRE(pixels.size() == 6);
    CHECK(pixels.span<char>()[0] == 'p');
    pixels.span<char>()[0] = 'P';
    CHECK(album["a"][0].pixels.span<char>()[0] == 'p');
}

TEST_CASE("bytes that are no shared buffer are refused") {
    aio::ByteWriter out;
    aio::encode(out, SharedBuffer::copy_of(std::string("pixels")));
    const std::vector<std::byte> bytes = out.take();
    for (std::size_t length = 0; length < bytes.size(); ++length)
        CHECK_THROWS_AS(static_cast<void>(aio::decode_all<SharedBuffer>(std::span(bytes).first(length))),
                        aio::DecodeError);
    std::vector<std::byte> wrong = bytes;
    wrong[0] = std::byte{2};
    CHECK_THROWS_AS(static_cast<void>(aio::decode_all<SharedBuffer>(wrong)), aio::DecodeError);
    wrong = bytes;
    std::fill_n(wrong.begin() + 1, 8, std::byte{0xFF});
    CHECK_THROWS_AS(static_cast<void>(aio::decode_all<SharedBuffer>(wrong)), aio::DecodeError);
}

TEST_CASE(
    "a reference to shared memory is refused where there is none, and where it leads beyond the memory") {
    OneSlab link;
    const SharedBuffer buffer(70'000);
    const aio::ByteWriter out = reference_to(link, buffer);
    const std::vector<std::byte> bytes(out.bytes().begin(), out.bytes().end());
    CHECK(aio::decode_all<SharedBuffer>(bytes, &link).data() == buffer.data());
    CHECK_THROWS_AS(static_cast<void>(aio::decode_all<SharedBuffer>(bytes)), aio::DecodeError);
    // The size, and the offset.
    for (const std::size_t at : {std::size_t{1}, std::size_t{17}}) {
        for (const std::uint64_t number : {std::uint64_t{131'073}, UINT64_MAX, UINT64_MAX - 69'999}) {
            std::vector<std::byte> wrong = bytes;
            std::memcpy(wrong.data() + at, &number, sizeof number);
            CHECK_THROWS_AS(static_cast<void>(aio::decode_all<SharedBuffer>(wrong, &link)), aio::DecodeError);
        }
    }
    std::vector<std::byte> empty = bytes;
    std::fill_n(empty.begin() + 1, 8, std::byte{0});
    CHECK_THROWS_AS(static_cast<void>(aio::decode_all<SharedBuffer>(empty, &link)), aio::DecodeError);
}

TEST_CASE("memory of a shared buffer is used again for the next of its size") {
    const std::byte* first = nullptr;
    {
        const SharedBuffer buffer(300'000);
        first = buffer.data();
    }
    const SharedBuffer next(500'000);
    const SharedBuffer another(300'000);
    CHECK(next.data() == first);
    CHECK(another.data() != first);
}

TEST_CASE("memory that no shared buffer uses is kept up to the limit") {
    const IdleLimit limit(std::size_t{1} << 20);
    CHECK(SharedBuffer::idle_bytes() <= (std::size_t{1} << 20));
    {
        std::vector<SharedBuffer> buffers;
        for (int i = 0; i < 20; ++i) buffers.emplace_back(std::size_t{100} << 10);
    }
    CHECK(SharedBuffer::idle_bytes() == (std::size_t{1} << 20));
    SharedBuffer::set_idle_limit(0);
    CHECK(SharedBuffer::idle_bytes() == 0);
    {
        const SharedBuffer buffer(1);
    }
    CHECK(SharedBuffer::idle_bytes() == 0);
}

TEST_CASE("several threads make, share and drop shared buffers") {
    std::atomic<int> wrong{0};
    const auto work = [&wrong](int seed) {
        for (int i = 0; i < 300; ++i) {
            const SharedBuffer buffer(static_cast<std::size_t>(1000 + i * 500));
            const SharedBuffer copy = buffer;
            const auto mark = static_cast<std::byte>(seed);
            std::ranges::fill(copy.bytes().first(100), mark);
            if (std::ranges::count(buffer.bytes().first(100), mark) != 100) ++wrong;
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(work, i);
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
}
