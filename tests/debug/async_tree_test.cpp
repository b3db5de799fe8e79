// The tree of a loop's tasks.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/debug/async_tree.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/structure/wait.hpp>

#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<> nap() { co_await sleep(1h); }
Coro<> await_task(Task<> task) { co_await task; }

/// The labels, indented by their depth, without the task that looks.
std::string outline(const AsyncTree& tree) {
    std::string text;
    for (const AsyncTreeEntry& entry : tree.entries) {
        if (entry.name == "looker") continue;
        text += std::string(entry.depth, ' ') + entry.name;
        if (entry.mark == CallGraphMark::seen_before) text += " again";
        if (entry.mark == CallGraphMark::cycle) text += " circle";
        text += "\n";
    }
    return text;
}

template <class Body>
void look(Body body) {
    TestLoop test;
    test.loop.run_until_complete(test.loop.create_task(body(test.loop), "looker"));
}

} // namespace

TEST_CASE("async tree: tasks stand below those who wait for them, in groups, gathers and awaits") {
    const auto body = [](EventLoop& loop) -> Coro<> {
        const auto main = []() -> Coro<> {
            co_await with_task_group([](TaskGroup& group) -> Coro<> {
                group.create_task(nap(), "a");
                const auto gathering = []() -> Coro<> {
                    co_await gather(create_task(nap(), "c"), create_task(nap(), "d"));
                };
                Task<> b = group.create_task(gathering(), "b");
                co_await b;
            });
        };
        const Task<> other = loop.create_task(nap(), "other");
        Task<> root = loop.create_task(main(), "main");
        co_await rounds(5);
        const AsyncTree tree = async_tree();
        CHECK(outline(tree) == "other\n"
                               "main\n"
                               " a\n"
                               " b\n"
                               "  gathering Future\n"
                               "   c\n"
                               "   d\n");
        CHECK(tree.cycles.empty());
        const std::string text = format_async_tree(tree);
        CHECK(contains(text, "Task 'main' waits for Task 'b'\n"));
        CHECK(contains(text, "  +- Task 'a' waits for sleep\n    |  "));
        CHECK(contains(text, "    +- gathering Future is pending\n"));
        root.cancel();
        static_cast<void>(co_await outcome(root));
    };
    look(body);
}

TEST_CASE("async tree: circles are told, and shown once") {
    const auto body = [](EventLoop& loop) -> Coro<> {
        std::optional<Task<>> third;
        const auto await_third = [&]() -> Coro<> { co_await *third; };
        const Task<> first = loop.create_task(await_third(), "first");
        const Task<> second = loop.create_task(await_task(first), "second");
        third = loop.create_task(await_task(second), "third");
        const Task<> outsider = loop.create_task(await_task(*third), "outsider");
        const Task<> bystander = loop.create_task(nap(), "bystander");
        co_await rounds(2);
        const AsyncTree tree = async_tree(loop);
        CHECK(outline(tree) == "outsider\n"
                               " third\n"
                               "  second\n"
                               "   first\n"
                               "    third circle\n"
                               "bystander\n");
        REQUIRE(tree.cycles.size() == 1);
        CHECK(tree.cycles[0] == std::vector<std::string>{"Task 'third'", "Task 'second'", "Task 'first'"});
        CHECK(contains(
            format_async_tree(tree),
            "These wait for each other: Task 'third' -> Task 'second' -> Task 'first' -> Task 'third'\n"));
    };
    look(body);
}

TEST_CASE("async tree: a circle that nobody else waits for is in the tree all the same") {
    const auto body = [](EventLoop& loop) -> Coro<> {
        std::optional<Task<>> second;
        const auto await_second = [&]() -> Coro<> { co_await *second; };
        const Task<> first = loop.create_task(await_second(), "first");
        second = loop.create_task(await_task(first), "second");
        co_await rounds(2);
        const AsyncTree tree = async_tree();
        CHECK(outline(tree) == "first\n second\n  first circle\n");
        CHECK(tree.cycles.size() == 1);
    };
    look(body);
}

TEST_CASE("async tree: of each knot of tasks at least one circle is told") {
    const auto body = [](EventLoop& loop) -> Coro<> {
        std::vector<Task<>> tasks;
        // Each waits for the others: a knot with very many circles.
        for (int i = 0; i < 30; ++i) {
            const auto await_others = [&tasks, i]() -> Coro<> {
                co_await sleep(0s);
                std::vector<Task<>> others = tasks;
                others.erase(others.begin() + i);
                co_await wait(std::move(others));
            };
            tasks.push_back(loop.create_task(await_others));
        }
        co_await rounds(4);
        const AsyncTree tree = async_tree();
        CHECK(tree.cycles.size() >= 1);
        CHECK(tree.entries.size() < 30 * 31);
        for (Task<>& task : tasks) task.cancel();
        co_await rounds(4);
    };
    look(body);
}

TEST_CASE("deep await: the tree of a hundred thousand tasks that await each other") {
    constexpr std::size_t count = 100000;
    const auto body = [&](EventLoop& loop) -> Coro<> {
        Future<> gate = loop.create_future<>();
        const auto await_gate = [&]() -> Coro<> { co_await gate; };
        Task<> last = loop.create_task(await_gate());
        for (std::size_t i = 1; i < count; ++i) last = loop.create_task(await_task(last));
        co_await rounds(2);
        const AsyncTree tree = async_tree();
        CHECK(tree.entries.size() == count + 1);
        CHECK(tree.entries.back().depth == count - 1);
        CHECK(format_async_tree(tree).size() < 1000 * count);
        gate.set_result();
        co_await last;
    };
    look(body);
}
