#include "shared_buffer_help_posix.hpp"

#include <aio/executors/map.hpp>
#include <aio/executors/thread_pool.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <cstddef>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace buffers;

namespace {

SharedBuffer filled(int value) { return SharedBuffer::copy_of(std::vector<int>(100, value)); }

struct Scale {
    SharedBuffer factors;
    int operator()(int index) const { return factors.span<int>()[static_cast<std::size_t>(index)] * 10; }
};

SharedBuffer picky(SharedBuffer buffer) {
    int& first = buffer.span<int>()[0];
    if (first == 1) throw std::out_of_range("one");
    if (first == 2) ::raise(SIGKILL);
    first += 100;
    return buffer;
}

/// Parts of one buffer, of a hundred numbers each.
std::vector<SharedBuffer> parts_of(const SharedBuffer& buffer) {
    constexpr std::size_t size = 100 * sizeof(int);
    std::vector<SharedBuffer> parts;
    for (std::size_t at = 0; at < buffer.size(); at += size) parts.push_back(buffer.slice(at, size));
    return parts;
}

} // namespace

TEST_CASE("map: workers write into the shared buffers of a whole chunk of items") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(2);
        const SharedBuffer numbers = SharedBuffer::copy_of(std::vector<int>(1000, 3));
        const SharedBuffer other = SharedBuffer::copy_of(std::vector<int>(100, 4));
        std::vector<SharedBuffer> parts = parts_of(numbers);
        parts.push_back(other);
        for (const std::size_t size : {1U, 4U, 20U}) {
            auto results = aio::map(pool, double_all, parts, aio::MapOptions().chunksize(size));
            while (co_await results.next()) continue;
        }
        CHECK(sum(numbers) == 1000 * 24);
        CHECK(sum(other) == 100 * 32);
        aio::Executor& any = pool;
        long total = 0;
        auto sums = aio::map(any, sum, parts);
        while (const auto part = co_await sums.next()) total += *part;
        CHECK(total == 1000 * 24 + 100 * 32);
    }));
}

TEST_CASE("map: shared buffers are results, new ones and the same ones, in order or not") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(2);
        for (const bool ordered : {true, false}) {
            auto results = aio::map(pool, filled, std::views::iota(0, 200),
                                    aio::MapOptions().chunksize(7).buffersize(50).ordered(ordered));
            std::vector<bool> seen(200);
            while (auto item = co_await results.next_item()) {
                const auto index = item->index();
                seen.at(index) = sum(std::move(*item).value()) == static_cast<long>(index) * 100;
            }
            CHECK(std::ranges::count(seen, true) == 200);
        }
        const SharedBuffer numbers = SharedBuffer::copy_of(std::vector<int>(1000, 3));
        const std::vector<SharedBuffer> parts = parts_of(numbers);
        auto results = aio::map(pool, same, parts, aio::MapOptions().chunksize(5));
        std::size_t count = 0;
        while (const auto part = co_await results.next()) CHECK(part->data() == parts.at(count++).data());
        CHECK(count == 10);
    }));
}

TEST_CASE("map: a callable takes its shared buffer along") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        Scale scale;
        scale.factors = SharedBuffer::copy_of(std::vector<int>{1, 2, 3});
        auto results = aio::map(pool, scale, std::views::iota(0, 3), aio::MapOptions().chunksize(2));
        std::vector<int> values;
        while (const auto value = co_await results.next()) values.push_back(*value);
        CHECK(values == std::vector<int>{10, 20, 30});
    }));
}

TEST_CASE("rule 113: items whose shared buffers fail, or kill their worker, leave the others alone") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        std::vector<SharedBuffer> buffers;
        for (int i = 0; i < 6; ++i) buffers.push_back(filled(i));
        auto results = aio::map(pool, picky, buffers, aio::MapOptions().chunksize(2));
        std::vector<char> ends;
        while (auto item = co_await results.next_item()) {
            if (item->failed_with<std::out_of_range>())
                ends.push_back('e');
            else if (item->failed_with<aio::WorkerCrashed>())
                ends.push_back('c');
            else
                ends.push_back(item->value().data() == buffers.at(item->index()).data() ? 'v' : '?');
        }
        CHECK(ends == std::vector<char>{'v', 'e', 'c', 'v', 'v', 'v'});
        CHECK(buffers[0].span<int>()[0] == 100);
        CHECK(buffers[1].span<int>()[0] == 1);
        CHECK(buffers[5].span<int>()[0] == 105);
    }));
}

TEST_CASE("map: in threads, shared buffers are shared as they are") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ThreadPoolExecutor threads(2);
        const SharedBuffer numbers = SharedBuffer::copy_of(std::vector<int>(1000, 3));
        const std::vector<SharedBuffer> parts = parts_of(numbers);
        auto results = aio::map(threads, double_all, parts, aio::MapOptions().chunksize(3));
        while (co_await results.next()) continue;
        CHECK(sum(numbers) == 6000);
    }));
}
