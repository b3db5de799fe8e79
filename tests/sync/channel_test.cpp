#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/sync/channel.hpp>

#include "sync_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* closed_text = "the channel is closed: nobody will receive what is sent";

Coro<> send_range(Sender<int> sender, int first, int last) {
    for (int i = first; i < last; ++i) co_await sender.send(i);
}
Coro<> receive_all(Receiver<int> receiver, std::vector<int>& into) {
    const auto add = [&into](int value) { into.push_back(value); };
    co_await receiver.for_each(add);
}
Coro<std::optional<int>> receive_one(Receiver<int> receiver) { co_return co_await receiver.receive(); }

} // namespace

TEST_CASE("a channel's sends and receives do not give way when there is nothing to wait for") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        auto [sender, receiver] = make_channel<int>(2);
        const TurnWatch watch(loop);
        CHECK(sender.capacity() == 2);
        co_await sender.send(1);
        co_await sender.send(2);
        CHECK(receiver.size() == 2);
        CHECK_FALSE(sender.try_send(3));
        CHECK(co_await receiver.receive() == 1);
        CHECK(receiver.try_receive() == 2);
        CHECK(receiver.try_receive() == std::nullopt);
        CHECK_FALSE(receiver.ended());
        CHECK_FALSE(watch.taken());
    });
}

TEST_CASE("a channel delivers in order, and a full one holds its sender up") {
    run_in_loop([](EventLoop&) -> Coro<> {
        for (const std::size_t capacity : {0U, 1U, 3U}) {
            auto [sender, receiver] = make_channel<int>(capacity);
            const Task<> task = create_task(send_range(std::move(sender), 0, 10));
            co_await rounds(3);
            CHECK(waits_for(task) == "Sender.send");
            CHECK(receiver.size() == capacity);
            // Who takes a value out lets the next one in.
            CHECK(receiver.try_receive() == 0);
            CHECK(receiver.size() == capacity);
            std::vector<int> got;
            co_await receive_all(std::move(receiver), got);
            CHECK(got == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9});
            CHECK(task.done());
        }
    });
}

TEST_CASE("with a capacity of 0 a send ends when the value has been taken") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [sender, receiver] = make_channel<int>(0);
        CHECK_FALSE(sender.try_send(1));
        const Task<std::optional<int>> task = create_task(receive_one(receiver));
        co_await rounds(1);
        CHECK(waits_for(task) == "Receiver.receive");
        CHECK(sender.try_send(2));
        CHECK_FALSE(sender.try_send(3));
        CHECK(co_await task == 2);
        const Task<> sending = create_task(send_range(sender, 4, 5));
        co_await rounds(3);
        CHECK_FALSE(sending.done());
        CHECK(receiver.try_receive() == 4);
        co_await sending;
    });
}

TEST_CASE("receivers are served in the order of waiting, each value goes to one of them") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [sender, receiver] = make_channel<int>(0);
        Task<std::optional<int>> a = create_task(receive_one(receiver));
        const Task<std::optional<int>> b = create_task(receive_one(receiver));
        const Task<std::optional<int>> c = create_task(receive_one(receiver));
        co_await rounds(1);
        a.cancel();
        co_await sender.send(1);
        // Handed over already: a newcomer cannot take it.
        CHECK(receiver.try_receive() == std::nullopt);
        co_await sender.send(2);
        CHECK(co_await b == 1);
        CHECK(co_await c == 2);
        CHECK(a.cancelled());
    });
}

TEST_CASE("a stream ends when its last sender is gone, after what is in the buffer") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [first, receiver] = make_channel<int>(5);
        std::optional<Sender<int>> sender(std::move(first));
        std::optional<Sender<int>> second(*sender);
        co_await sender->send(1);
        sender.reset();
        co_await second->send(2);
        CHECK_FALSE(receiver.ended());
        second.reset();
        CHECK_FALSE(receiver.ended());
        CHECK(co_await receiver.receive() == 1);
        CHECK(co_await receiver.receive() == 2);
        CHECK(receiver.ended());
        CHECK(co_await receiver.receive() == std::nullopt);
        CHECK(co_await receiver.receive() == std::nullopt);
        CHECK_THROWS_AS(static_cast<void>(first.closed()), RuntimeError);
    });
}

TEST_CASE("the end of a stream wakes all receivers") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [first, receiver] = make_channel<int>(0);
        std::optional<Sender<int>> sender(std::move(first));
        const Task<std::optional<int>> a = create_task(receive_one(receiver));
        const Task<std::optional<int>> b = create_task(receive_one(receiver));
        co_await rounds(1);
        sender.reset();
        CHECK(co_await a == std::nullopt);
        CHECK(co_await b == std::nullopt);
    });
}

TEST_CASE("sending without receivers fails and gives the value back") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [sender, first] = make_channel<std::unique_ptr<int>>(1);
        std::optional<Receiver<std::unique_ptr<int>>> receiver(std::move(first));
        co_await sender.send(std::make_unique<int>(1));
        const auto send = [](Sender<std::unique_ptr<int>> to) -> Coro<int> {
            auto value = std::make_unique<int>(2);
            try {
                co_await to.send(std::move(value));
            } catch (const SendError<std::unique_ptr<int>>& error) {
                value = std::move(error.value());
            }
            co_return value ? *value : -1;
        };
        const Task<int> blocked = create_task(send(sender));
        co_await rounds(1);
        CHECK_FALSE(sender.closed());
        receiver.reset();
        CHECK(co_await blocked == 2);
        CHECK(sender.closed());
        CHECK(sender.size() == 0);
        const int refused = co_await send(sender);
        CHECK(refused == 2);
        auto kept = std::make_unique<int>(3);
        CHECK_THROWS_AS(static_cast<void>(sender.try_send(std::move(kept))), ChannelClosed);
        CHECK(kept != nullptr);
    });
}

TEST_CASE("closing a channel fails those who send, and lets receivers have what is in the buffer") {
    run_in_loop([](EventLoop&) -> Coro<> {
        for (const bool by_receiver : {false, true}) {
            auto [sender, receiver] = make_channel<int>(1);
            co_await sender.send(1);
            const Task<std::string> blocked = create_task(outcome(sender.send(2)));
            co_await rounds(1);
            if (by_receiver)
                receiver.close();
            else
                sender.close();
            sender.close();
            CHECK(sender.closed());
            CHECK(co_await blocked == closed_text);
            CHECK(co_await outcome(sender.send(3)) == closed_text);
            CHECK(co_await receiver.receive() == 1);
            CHECK(co_await receiver.receive() == std::nullopt);
        }
    });
}

TEST_CASE("a cancelled send sends nothing, a cancelled receive takes nothing") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [sender, receiver] = make_channel<int>(0);
        CHECK(co_await outcome(wait_for(sender.send(1), 1ms)) == "timeout");
        CHECK(receiver.try_receive() == std::nullopt);
        CHECK(co_await outcome(wait_for(receiver.receive(), 1ms)) == "timeout");
        CHECK_FALSE(sender.try_send(1));
    });
}

TEST_CASE(
    "rule 8: a value that was handed to a receiver arrives, even if that is cancelled before its turn") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [sender, receiver] = make_channel<int>(0);
        Task<std::optional<int>> a = create_task(receive_one(receiver));
        co_await rounds(1);
        co_await sender.send(5);
        a.cancel();
        std::optional<int> got;
        const auto take = [&]() -> Coro<> { got = co_await a; };
        static_cast<void>(co_await outcome(take()));
        CHECK(a.cancelling() == 1);
    });
}

TEST_CASE("for_each runs its body for every value, and waits for it") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [sender, receiver] = make_channel<std::unique_ptr<int>>(2);
        const auto produce = [](Sender<std::unique_ptr<int>> to) -> Coro<> {
            for (int i = 1; i <= 4; ++i) co_await to.send(std::make_unique<int>(i));
        };
        const Task<> producer = create_task(produce(std::move(sender)));
        int sum = 0;
        int running = 0;
        const auto slow = [&](std::unique_ptr<int> value) -> Coro<> {
            CHECK(++running == 1);
            co_await rounds(2);
            sum += *value;
            --running;
        };
        co_await receiver.for_each(slow);
        CHECK(sum == 10);
        co_await producer;
    });
}

TEST_CASE("an error in for_each's body ends it; the rest stays in the channel") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [sender, receiver] = make_channel<int>(3);
        for (int i = 0; i < 3; ++i) co_await sender.send(i);
        const auto fail = [](int value) {
            if (value == 1) throw std::runtime_error("one");
        };
        CHECK(co_await outcome(receiver.for_each(fail)) == "one");
        CHECK(receiver.try_receive() == 2);
    });
}

TEST_CASE("many senders and receivers: every value arrives once, and everything ends") {
    run_in_loop([](EventLoop&) -> Coro<> {
        std::vector<int> got;
        const auto body = [&](TaskGroup& group) -> Coro<> {
            auto [sender, receiver] = make_channel<int>(2);
            for (int i = 0; i < 4; ++i) group.create_task(send_range(sender, i * 25, i * 25 + 25));
            for (int i = 0; i < 3; ++i) group.create_task(receive_all(receiver, got));
            co_return;
        };
        co_await with_task_group(body);
        std::sort(got.begin(), got.end());
        CHECK(got.size() == 100);
        for (int i = 0; i < 100; ++i) CHECK(got.at(static_cast<std::size_t>(i)) == i);
    });
}

TEST_CASE("what is in the buffer goes with the last receiver, even if the senders stay") {
    int alive = 0;
    auto [sender, first] = make_channel<Tracer>(4);
    std::optional<Receiver<Tracer>> receiver(std::move(first));
    for (int i = 0; i < 3; ++i) CHECK(sender.try_send(Tracer(alive)));
    CHECK(alive == 3);
    const Receiver<Tracer> second(*receiver);
    receiver.reset();
    CHECK(alive == 3);
    receiver = second;
    CHECK(receiver->try_receive().has_value());
    CHECK(alive == 2);
}

TEST_CASE("rule 82: a channel belongs to the first loop in which a task had to wait for it") {
    auto [sender, receiver] = make_channel<int>(0);
    TestLoop test;
    test.loop.run_until_complete(outcome(wait_for(receiver.receive(), 1ms)));
    CHECK(outcome_elsewhere(sender.send(1)).find("different event loop") != std::string::npos);
    CHECK(outcome_elsewhere(receiver.receive()).find("different event loop") != std::string::npos);
}
