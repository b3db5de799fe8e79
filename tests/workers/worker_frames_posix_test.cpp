// What a pool says to a worker and should not: a worker that cannot trust its pipe ends, by a code of its
// own; one whose call is wrong inside answers with an error, and goes on.

#include "worker_driver_posix.hpp"

#include <aio/workers/process_setup_posix.hpp>
#include <aio/workers/worker_main_posix.hpp>
#include <aio/workers/worker_orders.hpp>

#include <doctest/doctest.h>

#include <sys/wait.h>

#include <random>
#include <vector>

namespace {

using Bytes = std::vector<std::byte>;

int add(int a, int b) { return a + b; }
std::uint64_t total_length(const std::vector<std::string>& texts, int more) {
    std::uint64_t length = static_cast<std::uint64_t>(more);
    for (const std::string& text : texts) length += text.size();
    return length;
}

driver::Zygote start_zygote() {
    if (aio::detail::count_threads() > aio::detail::forkable_threads())
        return driver::Zygote(aio::start_zygote_by_exec());
    return driver::Zygote(aio::start_zygote_by_fork());
}

template <class F, class... Args>
Bytes task_frame(std::uint64_t id, const F& function, const Args&... arguments) {
    aio::ByteWriter payload;
    aio::encode_call(payload, function, arguments...);
    aio::ByteWriter frame;
    aio::append_frame(frame, aio::FrameType::task, id, payload.bytes());
    return frame.take();
}

Bytes frame_of(aio::FrameType type, const Bytes& payload) {
    aio::ByteWriter frame;
    aio::append_frame(frame, type, 1, payload);
    return frame.take();
}

/// The exit code of a worker that is told that.
int code_after(driver::Zygote& zygote, std::uint64_t number, const Bytes& bytes) {
    driver::Worker worker(zygote, number);
    static_cast<void>(worker.send_bytes(bytes));
    const int status = zygote.wait_exit(worker.pid()).status;
    // It has not answered.
    CHECK_THROWS_WITH_AS(static_cast<void>(worker.read_frame()), "the worker has closed its pipe",
                         std::runtime_error);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

} // namespace

TEST_CASE("worker: a call of which any bit of the header is wrong is not made") {
    driver::Zygote zygote = start_zygote();
    for (std::size_t bit = 0; bit < 8 * sizeof(aio::FrameHeader); ++bit) {
        Bytes bytes = task_frame(5, add, 1, 2);
        bytes[bit / 8] ^= std::byte(1U << bit % 8);
        const int code = code_after(zygote, bit + 1, bytes);
        CHECK(code == aio::detail::worker_exit_protocol_error);
    }
}

TEST_CASE("worker: a call that is cut off anywhere is not made") {
    driver::Zygote zygote = start_zygote();
    const Bytes whole = task_frame(5, add, 1, 2);
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        driver::Worker worker(zygote, cut + 1);
        CHECK(worker.send_bytes(std::span(whole).first(cut)));
        worker.close_tasks();
        CHECK(zygote.wait_exit(worker.pid()).status == 0);
        CHECK_THROWS_WITH_AS(static_cast<void>(worker.read_frame()), "the worker has closed its pipe",
                             std::runtime_error);
    }
}

TEST_CASE("worker: frames that are too long, or not for a pool to say, end it") {
    driver::Zygote zygote = start_zygote();
    std::vector<Bytes> sayings;
    aio::ByteWriter frame;
    const std::size_t start = aio::begin_frame(frame);
    frame.append(Bytes(aio::default_max_payload + 1));
    aio::finish_frame(frame, start, aio::FrameType::task, 1);
    const auto beginning = frame.bytes().first(sizeof(aio::FrameHeader));
    sayings.emplace_back(beginning.begin(), beginning.end());
    for (const auto type :
         {aio::FrameType::hello, aio::FrameType::result, aio::FrameType::error, aio::FrameType::usage})
        sayings.push_back(frame_of(type, Bytes(40)));
    sayings.push_back(frame_of(aio::FrameType::ready, {}));
    // Orders that cannot be read.
    sayings.push_back(frame_of(aio::FrameType::orders, Bytes(sizeof(aio::detail::WorkerOrders) - 1)));
    std::uint64_t number = 0;
    for (const Bytes& saying : sayings) {
        const int code = code_after(zygote, ++number, saying);
        CHECK(code == aio::detail::worker_exit_protocol_error);
    }
}

TEST_CASE("worker: a call that it gets twice is answered twice, and the pool knows it by its number") {
    driver::Zygote zygote = start_zygote();
    driver::Worker worker(zygote, 1);
    const Bytes call = task_frame(5, add, 1, 2);
    CHECK(worker.send_bytes(call));
    CHECK(worker.send_bytes(call));
    for (int i = 0; i < 2; ++i) {
        const driver::Frame answer = worker.read_frame();
        CHECK(answer.type == aio::FrameType::result);
        CHECK(answer.task_id == 5);
    }
    CHECK(worker.call(add, 3, 4) == 7);
}

TEST_CASE("rule 111: a call with wrong bits in it is answered, by a value or an error, and the worker goes "
          "on") {
    driver::Zygote zygote = start_zygote();
    driver::Worker worker(zygote, 1);
    const std::vector<std::string> texts{"one", "two", std::string(300, 'x')};
    const Bytes right = task_frame(5, total_length, texts, 3);
    const auto first = sizeof(aio::FrameHeader);
    // Which function is called is not checked beyond its being one: where in its module the two of them are
    // is left as it is.
    const auto is_place = [&](std::size_t at) {
        return (at >= first + 8 && at < first + 16) || (at >= first + 32 && at < first + 40);
    };
    std::vector<std::size_t> bits;
    for (std::size_t bit = 8 * first; bit < 8 * (first + 80); ++bit) bits.push_back(bit);
    std::minstd_rand random(13);
    for (int i = 0; i < 200; ++i) bits.push_back(8 * first + random() % (8 * (right.size() - first)));
    for (const std::size_t bit : bits) {
        if (is_place(bit / 8)) continue;
        Bytes wrong = right;
        wrong[bit / 8] ^= std::byte(1U << bit % 8);
        CHECK(worker.send_bytes(wrong));
        const driver::Frame answer = worker.read_frame();
        CHECK((answer.type == aio::FrameType::result || answer.type == aio::FrameType::error));
        CHECK(answer.task_id == 5);
    }
    CHECK(worker.call(add, 3, 4) == 7);
}
