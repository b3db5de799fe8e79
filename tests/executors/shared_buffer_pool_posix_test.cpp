#include "shared_buffer_help_posix.hpp"

#include <aio/executors/thread_pool.hpp>
#include <aio/executors/wrap_future.hpp>
#include <aio/structure/gather.hpp>
#include <aio/workers/remote_error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

using namespace buffers;

namespace {

struct Picture {
    std::string name;
    std::vector<SharedBuffer> layers;
    std::optional<SharedBuffer> mask;
};

Picture second_layer_up(Picture picture) {
    std::swap(picture.layers.at(0), picture.layers.at(1));
    picture.mask = SharedBuffer::copy_of(std::string("mask"));
    return picture;
}

std::size_t total_size(const std::map<int, std::vector<SharedBuffer>>& buffers) {
    std::size_t total = 0;
    for (const auto& [key, list] : buffers)
        for (const SharedBuffer& buffer : list) total += buffer.size();
    return total;
}

struct Scale {
    SharedBuffer factors;
    long operator()(int index, int value) const {
        return static_cast<long>(factors.span<int>()[static_cast<std::size_t>(index)]) * value;
    }
};

SharedBuffer make_and_throw(int count) {
    const SharedBuffer numbers = count_up(count);
    throw std::runtime_error("no numbers today: " + std::to_string(numbers.size()));
}

SharedBuffer always_the_same() {
    static const SharedBuffer buffer = SharedBuffer::copy_of(std::vector<int>(1000, 17));
    return buffer;
}
int first_kept() { return kept_buffers.at(0).span<int>()[0]; }
SharedBuffer hand_out_kept() {
    SharedBuffer buffer = kept_buffers.at(0);
    kept_buffers.clear();
    return buffer;
}
/// In a worker: has a pool of its own work on the buffer.
SharedBuffer by_a_pool_of_its_own(SharedBuffer numbers) {
    SharedBuffer result;
    processes::in_time([&]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        const SharedBuffer own = SharedBuffer::copy_of(numbers.span<int>());
        co_await loop.run_in_executor(pool, double_all, own);
        const long total = co_await loop.run_in_executor(pool, sum, numbers);
        const SharedBuffer counted = co_await loop.run_in_executor(pool, count_up, 3);
        result = co_await loop.run_in_executor(pool, same, counted);
        result.span<int>()[0] = static_cast<int>(total);
        result.span<int>()[1] = own.span<int>()[0];
    });
    return result;
}

} // namespace

TEST_CASE("a shared buffer is an argument without being copied, and what the worker writes is seen here") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const SharedBuffer numbers = SharedBuffer::copy_of(std::vector<int>(million, 3));
        const long before = co_await loop.run_in_executor(pool, sum, numbers);
        CHECK(before == 3 * static_cast<long>(million));
        co_await loop.run_in_executor(pool, double_all, numbers);
        CHECK(numbers.span<int>()[0] == 6);
        CHECK(numbers.span<int>()[million - 1] == 6);
        numbers.span<int>()[0] = 7;
        const long after = co_await loop.run_in_executor(pool, sum, numbers);
        CHECK(after == 6 * static_cast<long>(million) + 1);
    }));
}

TEST_CASE("a slice of a shared buffer reaches a worker as that part") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        const SharedBuffer numbers = SharedBuffer::copy_of(std::vector<int>(1000, 1));
        const std::size_t half = numbers.size() / 2;
        const SharedBuffer upper = numbers.slice(half, half);
        co_await loop.run_in_executor(pool, double_all, upper);
        CHECK(sum(numbers) == 1500);
        CHECK(numbers.span<int>()[499] == 1);
        CHECK(numbers.span<int>()[500] == 2);
    }));
}

TEST_CASE("a shared buffer made in a worker is a result without being copied") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const SharedBuffer first = co_await loop.run_in_executor(pool, count_up, 100'000);
        const SharedBuffer second = co_await loop.run_in_executor(pool, count_up, 100'001);
        CHECK(sum(first) == 99'999L * 100'000 / 2);
        CHECK(sum(second) == 100'000L * 100'001 / 2);
        // It is the pool's now, like any other.
        const long there = co_await loop.run_in_executor(pool, sum, first);
        CHECK(there == sum(first));
    }));
}

TEST_CASE("a shared buffer that comes back as the result is the same memory") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const SharedBuffer buffer(million);
        const SharedBuffer back = co_await loop.run_in_executor(pool, same, buffer);
        CHECK(back.data() == buffer.data());
        CHECK(back.size() == buffer.size());
        const SharedBuffer empty;
        const SharedBuffer nothing = co_await loop.run_in_executor(pool, same, empty);
        CHECK(nothing.empty());
    }));
}

TEST_CASE("shared buffers travel in structs, containers and functors") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        Picture picture;
        picture.name = "sunset";
        picture.layers.push_back(SharedBuffer::copy_of(std::string("lower")));
        picture.layers.push_back(SharedBuffer::copy_of(std::string("upper")));
        const Picture back = co_await loop.run_in_executor(pool, second_layer_up, picture);
        CHECK(back.name == "sunset");
        CHECK(back.layers.at(0).data() == picture.layers.at(1).data());
        CHECK(back.layers.at(1).data() == picture.layers.at(0).data());
        REQUIRE(back.mask.has_value());
        CHECK(back.mask->span<char>()[3] == 'k');

        std::map<int, std::vector<SharedBuffer>> many;
        for (int i = 0; i < 100; ++i) many[i % 7].emplace_back(100);
        const std::size_t size = co_await loop.run_in_executor(pool, total_size, many);
        CHECK(size == 10'000);

        const Scale scale{SharedBuffer::copy_of(std::vector<int>{1, 10, 100})};
        const long scaled = co_await loop.run_in_executor(pool, scale, 2, 5);
        CHECK(scaled == 500);
    }));
}

TEST_CASE("an exception takes no shared buffer along, and the worker serves on") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        std::string message;
        try {
            static_cast<void>(co_await loop.run_in_executor(pool, make_and_throw, 1000));
        } catch (const std::runtime_error& error) {
            message = error.what();
        }
        CHECK(message.find("no numbers today: 4000") != std::string::npos);
        const SharedBuffer numbers = co_await loop.run_in_executor(pool, count_up, 10);
        CHECK(sum(numbers) == 45);
    }));
}

TEST_CASE("many calls with shared buffers use the same memory again and again") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        std::size_t descriptors = 0;
        std::size_t mapped = 0;
        for (int i = 0; i < 300; ++i) {
            const SharedBuffer argument = SharedBuffer::copy_of(std::vector<int>(million / 8, i));
            const long there = co_await loop.run_in_executor(pool, sum, argument);
            CHECK(there == static_cast<long>(i) * static_cast<long>(million / 8));
            const SharedBuffer result = co_await loop.run_in_executor(pool, count_up, 100'000 + i);
            CHECK(result.span<int>().back() == 99'999 + i);
            if (i == 99) {
                descriptors = processes::descriptors();
                mapped = mappings();
            }
        }
        CHECK(processes::descriptors() <= descriptors);
        CHECK(mappings() <= mapped);
        CHECK(mapped <= 70);
    }));
}

TEST_CASE("a worker gives up memory that the pool does not keep") {
    const Clean clean;
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        // Its zygote may have been forked while other buffers were in use.
        const std::size_t inherited = co_await loop.run_in_executor(pool, mappings);
        for (int i = 0; i < 20; ++i) {
            const SharedBuffer argument(million);
            static_cast<void>(co_await loop.run_in_executor(pool, sum, argument));
            static_cast<void>(co_await loop.run_in_executor(pool, count_up, 100'000));
        }
        const std::size_t there = co_await loop.run_in_executor(pool, mappings);
        // The worker's own, for its next result.
        CHECK(there <= inherited + 1);
        CHECK(mappings() == 0);
        CHECK(SharedBuffer::idle_bytes() == 0);
    }));
}

TEST_CASE("what a worker keeps a handle on can be the result of one call after the other") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        for (int i = 0; i < 3; ++i) {
            const SharedBuffer same = co_await loop.run_in_executor(pool, always_the_same);
            CHECK(same.span<int>()[0] == 17);
        }
    }));
}

TEST_CASE("what a worker keeps a handle on is not used for anything else") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        {
            const SharedBuffer buffer(million);
            buffer.span<int>()[0] = 42;
            co_await loop.run_in_executor(pool, keep, buffer);
        }
        for (int i = 0; i < 5; ++i) SharedBuffer(million).span<int>()[0] = 1;
        int first = co_await loop.run_in_executor(pool, first_kept);
        CHECK(first == 42);
        const SharedBuffer back = co_await loop.run_in_executor(pool, hand_out_kept);
        CHECK(back.span<int>()[0] == 42);

        static_cast<void>(co_await loop.run_in_executor(pool, make_and_keep, 43));
        for (int i = 0; i < 5; ++i) {
            const SharedBuffer other = co_await loop.run_in_executor(pool, count_up, 200'000);
            CHECK(other.span<int>()[1] == 1);
        }
        first = co_await loop.run_in_executor(pool, first_kept);
        CHECK(first == 43);
        co_await loop.run_in_executor(pool, drop_kept);
    }));
    const Clean clean;
    CHECK(mappings() == 0);
}

TEST_CASE("what is too large for a pipe takes the way of shared memory, in both directions") {
    const Clean clean;
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        SharedBuffer::set_idle_limit(std::size_t{64} << 20);
        std::string text(5 * million, 'x');
        text.back() = 'y';
        for (int i = 0; i < 5; ++i) {
            const std::string back = co_await loop.run_in_executor(pool, exclaim, text);
            CHECK(back.size() == text.size() + 1);
            CHECK(back.substr(text.size() - 1) == "y!");
        }
        // Used again: one slab there and one back.
        CHECK(mappings() == 2);
        std::vector<aio::ConcurrentFuture<std::string>> futures;
        for (int i = 0; i < 50; ++i)
            futures.push_back(pool.submit(exclaim, std::string(million, static_cast<char>('a' + i % 26))));
        for (int i = 0; i < 50; ++i) {
            const std::string back = co_await aio::wrap_future(futures[static_cast<std::size_t>(i)]);
            CHECK(back.front() == 'a' + i % 26);
        }
        // A few for each worker, and not one for each call.
        CHECK(mappings() <= 12);
    }));
    SharedBuffer::set_idle_limit(0);
    CHECK(mappings() == 0);
}

TEST_CASE("large text and a shared buffer in one call do not get in each other's way") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        Picture picture;
        picture.name = std::string(million, 'n');
        picture.layers.push_back(SharedBuffer::copy_of(std::string("lower")));
        picture.layers.push_back(SharedBuffer::copy_of(std::string("upper")));
        const Picture back = co_await loop.run_in_executor(pool, second_layer_up, picture);
        CHECK(back.name == picture.name);
        CHECK(back.layers.at(0).data() == picture.layers.at(1).data());
        CHECK(back.mask->span<char>()[0] == 'm');
    }));
}

TEST_CASE("several pools and threads share a buffer") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor one(2);
        aio::ProcessPoolExecutor two(2);
        aio::ThreadPoolExecutor threads(2);
        const SharedBuffer numbers = co_await loop.run_in_executor(one, count_up, 1000);
        co_await loop.run_in_executor(two, double_all, numbers);
        co_await loop.run_in_executor(threads, double_all, numbers);
        const long total = co_await loop.run_in_executor(one, sum, numbers);
        CHECK(total == 4L * 999 * 500);

        std::vector<std::thread> submitters;
        std::vector<long> sums(4);
        for (std::size_t i = 0; i < sums.size(); ++i) {
            submitters.emplace_back([&, i] {
                for (int round = 0; round < 20; ++round) {
                    const SharedBuffer mine =
                        SharedBuffer::copy_of(std::vector<int>(10'000, static_cast<int>(i)));
                    sums[i] += (round % 2 == 0 ? one : two).submit(sum, mine).result();
                    sums[i] += sum(one.submit(count_up, 5).result());
                }
            });
        }
        const auto join = [&] {
            for (std::thread& submitter : submitters) submitter.join();
        };
        co_await loop.run_in_executor(threads, std::ref(join));
        for (std::size_t i = 0; i < sums.size(); ++i)
            CHECK(sums[i] == 20 * (static_cast<long>(i) * 10'000 + 10));
    }));
}

TEST_CASE("a worker that has a pool of its own passes the contents of shared buffers on") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const SharedBuffer numbers = SharedBuffer::copy_of(std::vector<int>{5, 6, 7});
        for (int i = 0; i < 3; ++i) {
            const SharedBuffer result = co_await loop.run_in_executor(pool, by_a_pool_of_its_own, numbers);
            REQUIRE(result.span<int>().size() == 3);
            CHECK(result.span<int>()[0] == 18);
            CHECK(result.span<int>()[1] == 10);
            CHECK(result.span<int>()[2] == 2);
        }
        CHECK(numbers.span<int>()[0] == 5);
    }));
}
