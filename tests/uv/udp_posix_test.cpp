#include <aio/uv/udp.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/uv/loop.hpp>

#include "byte_reader.hpp"
#include "run_until.hpp"

namespace uv = aio::uv;

#if defined(__linux__)

namespace {

/// Notes the datagrams, and how many calls of the system brought them.
class Reader final : public uv::DatagramReader {
public:
    void received(std::span<const std::byte> data, const uv::Address&, bool) noexcept override {
        sizes.push_back(data.size());
    }
    void failed(int) noexcept override { ++failures; }
    bool wants_more() noexcept override {
        if (sizes.size() > seen) ++calls;
        seen = sizes.size();
        return true;
    }

    std::vector<std::size_t> sizes;
    std::size_t seen = 0;
    int calls = 0;
    int failures = 0;
};

} // namespace

TEST_CASE("uv udp: many datagrams come with few system calls") {
    uv::Loop loop;
    uv::Udp receiver(loop);
    receiver.bind(uv::Address("127.0.0.1", 0));
    uv::Udp sender(loop);
    const uv::Address target = receiver.local_address();
    constexpr std::size_t count = 48;
    for (std::size_t i = 0; i < count; ++i)
        REQUIRE(sender.try_send(uv_test::bytes(std::string(i, 'x')), &target) == 0);
    Reader reader;
    REQUIRE(receiver.start_receiving(reader) == 0);
    uv_test::run_until(loop, [&] { return reader.sizes.size() == count; });
    for (std::size_t i = 0; i < count; ++i) CHECK(reader.sizes[i] == i);
    CHECK(reader.calls < 6);
    CHECK(reader.failures == 0);
}

#endif
