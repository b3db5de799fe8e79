#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/frame_pool.hpp>
#include <aio/core/intrusive_list.hpp>
#include <aio/core/ready_queue.hpp>
#include <aio/core/timer_queue.hpp>

using namespace aio;
using namespace aio::detail;

namespace {

struct Element : ListNode {
    explicit Element(int n) : number(n) {}
    int number;
};

std::vector<int> numbers(const IntrusiveList<Element>& list) {
    std::vector<int> all;
    list.for_each([&](Element& element) { all.push_back(element.number); });
    return all;
}

struct Item final : ReadyItem {
    explicit Item(int n) : number(n) {}
    void run() noexcept override {}
    void drop() noexcept override {}
    int number;
};

class Alarm final : public TimerNode {
public:
    Alarm(std::vector<int>& log, int n) : TimerNode(&on_due), fired_(&log), number_(n) {}

private:
    static void on_due(TimerNode& node) noexcept {
        auto& self = static_cast<Alarm&>(node);
        self.fired_->push_back(self.number_);
    }
    std::vector<int>* fired_;
    int number_;
};

TimePoint at(std::int64_t n) { return TimePoint(Duration(n)); }

} // namespace

TEST_CASE("intrusive list: order, removal anywhere, elements leave when they are destroyed") {
    IntrusiveList<Element> list;
    CHECK(list.empty());
    CHECK(list.front() == nullptr);
    CHECK(list.pop_front() == nullptr);
    Element one(1);
    Element three(3);
    {
        Element two(2);
        CHECK_FALSE(two.linked());
        list.push_back(one);
        list.push_back(two);
        list.push_back(three);
        CHECK(two.linked());
        CHECK(numbers(list) == std::vector{1, 2, 3});
    }
    CHECK(numbers(list) == std::vector{1, 3});
    one.unlink();
    one.unlink();
    CHECK(numbers(list) == std::vector{3});
    list.push_back(one);
    CHECK(list.pop_front() == &three);
    CHECK_FALSE(three.linked());
    CHECK(list.pop_front() == &one);
    CHECK(list.empty());
}

TEST_CASE("intrusive list: agrees with a deque over random operations") {
    std::mt19937 random(12345);
    std::vector<std::unique_ptr<Element>> elements;
    for (int i = 0; i < 40; ++i) elements.push_back(std::make_unique<Element>(i));
    IntrusiveList<Element> list;
    std::deque<int> model;
    for (int step = 0; step < 20000; ++step) {
        Element& element = *elements[random() % elements.size()];
        switch (random() % 3) {
        case 0:
            if (element.linked()) break;
            list.push_back(element);
            model.push_back(element.number);
            break;
        case 1:
            element.unlink();
            std::erase(model, element.number);
            break;
        default:
            const Element* const popped = list.pop_front();
            REQUIRE((popped == nullptr) == model.empty());
            if (popped == nullptr) break;
            REQUIRE(popped->number == model.front());
            model.pop_front();
        }
        if (step % 64 == 0) REQUIRE(numbers(list) == std::vector<int>(model.begin(), model.end()));
    }
}

TEST_CASE("ready queue: first in, first out, and an item may be queued again once it has left") {
    ReadyQueue queue;
    CHECK(queue.empty());
    CHECK(queue.pop() == nullptr);
    std::deque<Item> items;
    for (int i = 0; i < 5; ++i) items.emplace_back(i);
    for (Item& item : items) queue.push(item);
    CHECK(queue.size() == 5);
    for (int round = 0; round < 20; ++round) {
        auto* const item = static_cast<Item*>(queue.pop());
        REQUIRE(item != nullptr);
        CHECK(item->number == round % 5);
        CHECK(queue.size() == 4);
        queue.push(*item);
    }
    while (queue.pop() != nullptr) {
    }
    CHECK(queue.empty());
    queue.push(items[0]);
    CHECK(queue.pop() == &items[0]);
}

TEST_CASE("timer queue: agrees with a sorted list over random operations") {
    std::mt19937 random(54321);
    for (int run = 0; run < 30; ++run) {
        std::vector<int> fired;
        std::deque<Alarm> alarms;
        for (int i = 0; i < 200; ++i) alarms.emplace_back(fired, i);
        TimerQueue queue;
        // Deadline, then order of arming, then which.
        std::vector<std::pair<std::pair<std::int64_t, int>, int>> model;
        int sequence = 0;
        std::int64_t now = 0;
        // Few different deadlines make many ties.
        const std::uint_fast32_t spread = run % 2 == 0 ? 5 : 1000;
        for (int step = 0; step < 2000; ++step) {
            const int which = static_cast<int>(random() % alarms.size());
            Alarm& alarm = alarms[static_cast<std::size_t>(which)];
            const auto action = random() % 10;
            if (action < 6) {
                if (alarm.armed()) continue;
                const std::int64_t when = now + static_cast<std::int64_t>(random() % spread) - 2;
                queue.push(alarm, at(when));
                model.push_back({{when, sequence++}, which});
            } else if (action < 9) {
                queue.remove(alarm);
                std::erase_if(model, [&](const auto& entry) { return entry.second == which; });
            } else {
                now += static_cast<std::int64_t>(random() % spread);
                fired.clear();
                queue.fire_due(at(now));
                std::sort(model.begin(), model.end());
                std::vector<int> expected;
                std::erase_if(model, [&](const auto& entry) {
                    const bool due = entry.first.first <= now;
                    if (due) expected.push_back(entry.second);
                    return due;
                });
                REQUIRE(fired == expected);
            }
            REQUIRE(queue.size() == model.size());
            REQUIRE(alarm.armed() == std::any_of(model.begin(), model.end(),
                                                 [&](const auto& e) { return e.second == which; }));
            if (!model.empty())
                REQUIRE(queue.next() == at(std::min_element(model.begin(), model.end())->first.first));
        }
        for (Alarm& alarm : alarms) queue.remove(alarm);
        CHECK(queue.empty());
    }
}

TEST_CASE("timer queue: a timer armed by one that fires waits for the next call; one may disarm another") {
    class Rearming final : public TimerNode {
    public:
        explicit Rearming(TimerQueue& queue) : TimerNode(&on_due), queue_(&queue) {}
        int fired = 0;
        TimerNode* victim = nullptr;

    private:
        static void on_due(TimerNode& node) noexcept {
            auto& self = static_cast<Rearming&>(node);
            ++self.fired;
            self.queue_->push(self, at(0));
            if (self.victim != nullptr) self.queue_->remove(*self.victim);
        }
        TimerQueue* queue_;
    };
    TimerQueue queue;
    std::vector<int> fired;
    Rearming timer(queue);
    Alarm victim(fired, 1);
    timer.victim = &victim;
    queue.push(timer, at(1));
    queue.push(victim, at(2));
    queue.fire_due(at(10));
    CHECK(timer.fired == 1);
    CHECK(fired.empty());
    CHECK_FALSE(victim.armed());
    queue.fire_due(at(10));
    CHECK(timer.fired == 2);
    queue.remove(timer);
    CHECK(queue.empty());
}

TEST_CASE("frame pool: blocks of all sizes are aligned, distinct and writable; they may change threads") {
    std::mt19937 random(99);
    std::vector<std::pair<void*, std::size_t>> blocks;
    const auto allocate = [&](std::size_t size) {
        void* const block = pool_allocate(size);
        REQUIRE(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t) == 0);
        std::memset(block, static_cast<int>(size % 251), size);
        blocks.emplace_back(block, size);
    };
    const auto intact = [](const std::pair<void*, std::size_t>& block) {
        const auto* const bytes = static_cast<const unsigned char*>(block.first);
        return std::all_of(bytes, bytes + block.second,
                           [&](unsigned char c) { return c == block.second % 251; });
    };
    for (const unsigned size : {0U, 1U, 63U, 64U, 65U, 128U, 2047U, 2048U, 2049U, 100000U}) allocate(size);
    for (int step = 0; step < 5000; ++step) {
        if (blocks.size() < 100 || random() % 2 == 0) {
            allocate(random() % 3000);
            continue;
        }
        std::swap(blocks[random() % blocks.size()], blocks.back());
        REQUIRE(intact(blocks.back()));
        pool_deallocate(blocks.back().first, blocks.back().second);
        blocks.pop_back();
    }
    // Another thread frees what this one allocated, reuses it, and ends with blocks in its lists.
    std::thread([&] {
        for (const auto& block : blocks) pool_deallocate(block.first, block.second);
        blocks.clear();
        for (int i = 0; i < 50; ++i) blocks.emplace_back(pool_allocate(200), 200);
        for (int i = 0; i < 25; ++i) {
            pool_deallocate(blocks.back().first, 200);
            blocks.pop_back();
        }
    }).join();
    for (const auto& block : blocks) pool_deallocate(block.first, block.second);
}
