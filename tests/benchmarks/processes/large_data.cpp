/// Large data to a worker process and back: through shared memory, beside one memcpy of as many bytes, and
/// through the worker's pipe, beside Python's pool. All in one run; the variants take turns, and the ratios
/// of one turn are what is compared.
///
///     benchmark_large_data [turns] [MiB]

#include "benchmarks/measure.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <aio/aio.hpp>

namespace {

using aio::SharedBuffer;

constexpr std::size_t page = 4096;

/// Looks into each page, so that the worker needs all of the memory and not only its address.
unsigned touch(const SharedBuffer& buffer) {
    unsigned sum = 0;
    for (std::size_t at = 0; at < buffer.size(); at += page) sum += static_cast<unsigned>(buffer.bytes()[at]);
    return sum;
}

SharedBuffer produce(std::size_t size) {
    SharedBuffer buffer(size);
    std::memset(buffer.data(), 1, size);
    return buffer;
}

std::size_t length(const std::vector<std::byte>& data) { return data.size(); }
std::vector<std::byte> echo(std::vector<std::byte> data) { return data; }

class Variant {
public:
    explicit Variant(const char* variant_name) : name(variant_name) {}
    [[nodiscard]] double median() const { return measure::median(microseconds); }
    const char* name;
    std::vector<double> microseconds;
};

class Stopwatch {
public:
    explicit Stopwatch(Variant& variant) : variant_(variant) {}
    ~Stopwatch() {
        const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start_;
        variant_.microseconds.push_back(time.count());
    }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

private:
    Variant& variant_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

struct Variants {
    Variant copy{"memcpy"};
    Variant in_place{"SharedBuffer, filled before"};
    Variant argument{"SharedBuffer, filled by memcpy"};
    Variant result{"SharedBuffer as the result"};
    Variant vector{"vector as an argument"};
    Variant vector_back{"vector there and back"};
};

aio::Coro<> take_turns(Variants& variants, int turns, std::size_t size) {
    aio::EventLoop& loop = aio::get_running_loop();
    aio::ProcessPoolExecutor pool(1);
    const std::vector<std::byte> source(size, std::byte{1});
    std::vector<std::byte> target(size);
    const SharedBuffer filled = SharedBuffer::copy_of(source);
    // The first turn is for getting warm.
    for (int turn = -1; turn < turns; ++turn) {
        {
            const Stopwatch time(variants.copy);
            std::memcpy(target.data(), source.data(), size);
        }
        {
            const Stopwatch time(variants.in_place);
            static_cast<void>(co_await loop.run_in_executor(pool, touch, filled));
        }
        {
            const Stopwatch time(variants.argument);
            const SharedBuffer buffer = SharedBuffer::copy_of(source);
            static_cast<void>(co_await loop.run_in_executor(pool, touch, buffer));
        }
        {
            const Stopwatch time(variants.result);
            const SharedBuffer buffer = co_await loop.run_in_executor(pool, produce, size);
            static_cast<void>(touch(buffer));
        }
        if (turn < 0) variants = Variants();
    }
    // One after the other, as Python does it.
    for (int turn = 0; turn < turns; ++turn) {
        const Stopwatch time(variants.vector);
        static_cast<void>(co_await loop.run_in_executor(pool, length, source));
    }
    for (int turn = 0; turn < turns; ++turn) {
        const Stopwatch time(variants.vector_back);
        static_cast<void>(co_await loop.run_in_executor(pool, echo, source));
    }
}

void print(const Variant& variant, double floor, double python) {
    std::printf("%-32s %10.0f %9.2fx", variant.name, variant.median(), variant.median() / floor);
    if (python > 0) std::printf(" %12.0f %10.1fx", python, python / variant.median());
    std::printf("\n");
}

} // namespace

int main(int argc, char** argv) {
    aio::worker_entry();
    const int turns = argc > 1 ? std::atoi(argv[1]) : 21;
    const std::size_t mebibytes = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 16;
    Variants variants;
    aio::run(take_turns(variants, turns, mebibytes << 20));
    const measure::PythonFigures python("large_data.py " + std::to_string(turns) + " " +
                                        std::to_string(mebibytes));
    std::printf("%zu MiB, medians of %d turns\n", mebibytes, turns);
    std::printf("%-32s %10s %10s %12s %11s\n", "", "us", "vs memcpy", "python us", "vs python");
    const double floor = variants.copy.median();
    print(variants.copy, floor, 0);
    print(variants.in_place, floor, 0);
    print(variants.argument, floor, 0);
    print(variants.result, floor, 0);
    print(variants.vector, floor, python.of("argument"));
    print(variants.vector_back, floor, python.of("both"));
    return 0;
}
