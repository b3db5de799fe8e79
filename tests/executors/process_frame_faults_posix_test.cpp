// What a worker says that it should not: every bit of a header turned over, frames that are cut off, too
// long, said twice or not a worker's to say. A worker that has said such a thing is killed, its call fails,
// and no wrong value is taken for its result.

#include "fault_help_posix.hpp"

#include <aio/workers/codec.hpp>

#include <doctest/doctest.h>

#include <random>
#include <utility>

using namespace std::chrono_literals;

namespace {

using Bytes = std::vector<std::byte>;

int square(int x) { return x * x; }
int pid() { return ::getpid(); }

Bytes result_frame(std::uint64_t call, int value) {
    aio::ByteWriter payload;
    aio::encode(payload, value);
    aio::ByteWriter frame;
    aio::append_frame(frame, aio::FrameType::result, call, payload.bytes());
    return frame.take();
}

/// Says that and nothing else.
int say_and_stay(const Bytes& bytes) {
    faults::say(bytes);
    for (;;) ::pause();
}
int say_and_leave(const Bytes& bytes) {
    faults::say(bytes);
    ::_exit(0);
}
/// Says that, and then its result.
int say_before(const Bytes& bytes) {
    faults::say(bytes);
    return 7;
}
std::vector<std::string> say_texts_and_leave(const Bytes& bytes) {
    faults::say(bytes);
    ::_exit(0);
}

/// A pool of one worker that counts its calls as the pool does, from 1.
class Talk {
public:
    [[nodiscard]] std::uint64_t next_call() const noexcept { return calls_ + 1; }

    template <class F>
    auto call(F function, const Bytes& bytes) {
        ++calls_;
        return aio::get_running_loop().run_in_executor(pool_, function, bytes);
    }
    template <class F>
    auto call(const aio::ProcessCallOptions& options, F function, const Bytes& bytes) {
        ++calls_;
        return aio::get_running_loop().run_in_executor(pool_, options, function, bytes);
    }
    auto square(int x) {
        ++calls_;
        return aio::get_running_loop().run_in_executor(pool_, ::square, x);
    }
    auto pid() {
        ++calls_;
        return aio::get_running_loop().run_in_executor(pool_, ::pid);
    }
    [[nodiscard]] bool has_worker(int number) const {
        for (const int worker : pool_.worker_pids())
            if (worker == number) return true;
        return false;
    }

private:
    aio::ProcessPoolExecutor pool_{faults::hasty(1)};
    std::uint64_t calls_ = 0;
};

const std::string killed = "signal " + std::to_string(SIGKILL);

/// A header that is right in itself.
Bytes frame_of(aio::FrameType type, std::uint64_t call, const Bytes& payload = {}) {
    aio::ByteWriter frame;
    aio::append_frame(frame, type, call, payload);
    return frame.take();
}

/// A frame that announces more than it may, with only its beginning.
Bytes beginning_of(std::size_t length, std::uint64_t call) {
    aio::ByteWriter frame;
    const std::size_t start = aio::begin_frame(frame);
    frame.append(Bytes(length));
    aio::finish_frame(frame, start, aio::FrameType::result, call);
    const std::span<const std::byte> bytes = frame.bytes().first(sizeof(aio::FrameHeader) + 10);
    return {bytes.begin(), bytes.end()};
}

} // namespace

TEST_CASE("rule 113: a result of which any bit of the header is wrong is no result") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Talk talk;
        for (std::size_t bit = 0; bit < 8 * sizeof(aio::FrameHeader); ++bit) {
            Bytes bytes = result_frame(talk.next_call(), 49);
            bytes[bit / 8] ^= std::byte(1U << bit % 8);
            const std::string end = co_await faults::end_of(talk.call(say_and_stay, bytes));
            CHECK(std::to_string(bit) + " " + end == std::to_string(bit) + " " + killed);
        }
        const int value = co_await talk.square(5);
        CHECK(value == 25);
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("rule 113: a result that is cut off anywhere is none, whether the worker ends or stays") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Talk talk;
        const std::size_t size = result_frame(1, 49).size();
        for (std::size_t cut = 0; cut < size; ++cut) {
            Bytes bytes = result_frame(talk.next_call(), 49);
            bytes.resize(cut);
            const std::string end = co_await faults::end_of(talk.call(say_and_leave, bytes));
            CHECK(end == "code 0");
        }
        for (const std::size_t cut : {std::size_t{5}, size - 1}) {
            Bytes bytes = result_frame(talk.next_call(), 49);
            bytes.resize(cut);
            const auto options = aio::ProcessCallOptions().timeout(50ms);
            const std::string end = co_await faults::end_of(talk.call(options, say_and_stay, bytes));
            CHECK(end == "timeout");
        }
        // What it says next goes on in the middle of the header.
        Bytes bytes = result_frame(talk.next_call(), 49);
        bytes.resize(5);
        const std::string end = co_await faults::end_of(talk.call(say_before, bytes));
        CHECK(end == killed);
        const int value = co_await talk.square(5);
        CHECK(value == 25);
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("rule 113: a result that is said twice counts once, and its worker is not trusted again") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Talk talk;
        for (int round = 0; round < 10; ++round) {
            const int worker = co_await talk.pid();
            // Its own result is the second one.
            const int value = co_await talk.call(say_before, result_frame(talk.next_call(), 49));
            CHECK(value == 49);
            while (talk.has_worker(worker)) co_await aio::sleep(1ms);
        }
        for (int round = 0; round < 10; ++round) {
            auto twice = talk.call(say_before, result_frame(talk.next_call(), 49));
            // Given to that worker before the second one comes, or to another.
            const std::string next = co_await faults::end_of(talk.square(5));
            CHECK((next == "value" || next == killed));
            const int value = co_await twice;
            CHECK(value == 49);
            const int after = co_await talk.square(6);
            CHECK(after == 36);
        }
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("rule 113: what is not for a worker to say, or not now, ends it") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Talk talk;
        std::vector<Bytes> sayings;
        aio::ByteWriter hello;
        aio::encode(hello, aio::WorkerHello{1});
        sayings.push_back(frame_of(aio::FrameType::hello, 0, hello.take()));
        sayings.push_back(frame_of(aio::FrameType::ready, 0));
        for (const auto type : {aio::FrameType::task, aio::FrameType::initialize, aio::FrameType::orders})
            sayings.push_back(frame_of(type, 1, Bytes(30)));
        sayings.push_back(frame_of(aio::FrameType::goodbye, 0));
        sayings.push_back(frame_of(aio::FrameType::stop, 1));
        // The answer to a call that was never made, or not to this worker.
        for (const std::uint64_t call : {std::uint64_t{0}, std::uint64_t{1} << 63})
            for (const auto type : {aio::FrameType::result, aio::FrameType::error})
                sayings.push_back(frame_of(type, call, Bytes(4)));
        sayings.push_back(beginning_of(aio::default_max_payload + 1, talk.next_call()));
        sayings.push_back(Bytes(100'000));
        for (const Bytes& saying : sayings) {
            const std::string end = co_await faults::end_of(talk.call(say_and_stay, saying));
            CHECK(end == killed);
        }
        // As long as a frame may be, and nothing more comes.
        const std::string end = co_await faults::end_of(
            talk.call(say_and_leave, beginning_of(aio::default_max_payload, talk.next_call())));
        CHECK(end == "code 0");
        const int value = co_await talk.square(5);
        CHECK(value == 25);
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("rule 111: a result with wrong bits in it is another value or an error, and nothing worse") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Talk talk;
        const std::vector<std::string> texts{"one", "two", std::string(300, 'x')};
        aio::ByteWriter payload;
        aio::encode(payload, texts);
        const Bytes right(payload.bytes().begin(), payload.bytes().end());
        std::vector<std::size_t> bits;
        // The lengths that come first, and a sample of the rest.
        for (std::size_t bit = 0; bit < 8 * 16; ++bit) bits.push_back(bit);
        std::minstd_rand random(11);
        for (int i = 0; i < 60; ++i) bits.push_back(random() % (8 * right.size()));
        for (const std::size_t bit : bits) {
            Bytes wrong = right;
            wrong[bit / 8] ^= std::byte(1U << bit % 8);
            const Bytes frame = frame_of(aio::FrameType::result, talk.next_call(), wrong);
            std::vector<std::string> value;
            bool failed = false;
            try {
                value = co_await talk.call(say_texts_and_leave, frame);
            } catch (const std::exception&) {
                failed = true;
            }
            CHECK((failed || value != texts));
        }
        const int value = co_await talk.square(5);
        CHECK(value == 25);
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}
