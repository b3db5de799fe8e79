// Call graphs: what tasks are doing, and who waits for them.

#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/debug/call_graph.hpp>
#include <aio/structure/as_completed.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/shield.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait.hpp>
#include <aio/structure/wait_for.hpp>

#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<> nap() { co_await sleep(1h); }
Coro<> call_nap() { co_await nap(); }
Coro<> await_task(Task<> task) { co_await task; }
Coro<> await_future(Future<> future) { co_await future; }

/// "main", "main>outer" for an awaiter and who awaits it; several are in parentheses.
std::string names_above(const FutureCallGraph& graph) {
    std::string text;
    for (const FutureCallGraph& waiter : graph.awaited_by) {
        if (!text.empty()) text += ", ";
        text += waiter.name;
        if (waiter.mark == CallGraphMark::seen_before) text += " again";
        if (waiter.mark == CallGraphMark::cycle) text += " circle";
        const std::string above = names_above(waiter);
        if (!above.empty()) text += " < (" + above + ")";
    }
    return text;
}

/// Starts `make(child)`, an awaiting coroutine, as the task "main", and tells who waits for the child then.
template <class Make>
std::string waiters_of_child(Make make) {
    std::string text;
    const auto body = [&](EventLoop& loop) -> Coro<> {
        Task<> child = loop.create_task(nap(), "child");
        Task<> main = loop.create_task(make(child), "main");
        co_await rounds(3);
        text = names_above(capture_call_graph(child));
        main.cancel();
        child.cancel();
        static_cast<void>(co_await outcome(main));
        static_cast<void>(co_await outcome(child));
    };
    run_in_loop(body);
    return text;
}

std::string text_in(std::FILE* file) {
    std::rewind(file);
    std::string text;
    std::array<char, 4096> part{};
    while (const std::size_t size = std::fread(part.data(), 1, part.size(), file))
        text.append(part.data(), size);
    return text;
}

} // namespace

TEST_CASE("call graph: of a waiting task there is what it waits for, and its coroutines with their awaits") {
    FutureCallGraph graph;
    const auto body = [&](EventLoop& loop) -> Coro<> {
        const Task<> task = loop.create_task(call_nap(), "napper");
        co_await rounds(2);
        graph = capture_call_graph(task);
    };
    run_in_loop(body);
    CHECK(graph.name == "napper");
    CHECK(graph.is_task);
    CHECK(graph.activity == FutureActivity::waiting);
    CHECK(graph.waits_for == "sleep");
    CHECK(graph.awaited_by.empty());
    REQUIRE(graph.call_stack.size() == 2);
    CHECK(contains(std::string(graph.call_stack[0].function), "::nap"));
    CHECK(contains(std::string(graph.call_stack[1].function), "::call_nap"));
    CHECK(contains(std::string(graph.call_stack[0].file), "call_graph_test.cpp"));
    CHECK(graph.call_stack[1].line == graph.call_stack[0].line + 1);
}

TEST_CASE("call graph: it says what a task or future is doing in each of its states") {
    std::vector<std::string> said;
    const auto body = [&](EventLoop& loop) -> Coro<> {
        const auto say = [&](const AnyFuture& future) {
            said.push_back(describe(capture_call_graph(future)));
        };
        Future<> future = loop.create_future<>();
        say(future);
        say(current_task());
        Task<> task = loop.create_task(await_future(future), "t");
        say(task);
        co_await rounds(2);
        say(task);
        future.set_result();
        say(future);
        say(task);
        co_await task;
        say(task);
        const auto fail = []() -> Coro<> {
            throw std::runtime_error("x");
            co_return;
        };
        Task<> failing = loop.create_task(fail(), "f");
        static_cast<void>(co_await outcome(failing));
        say(failing);
        Task<> cancelled = loop.create_task(nap(), "c");
        cancelled.cancel();
        static_cast<void>(co_await outcome(cancelled));
        say(cancelled);
        Task<> yielding = loop.create_task(rounds(1), "y");
        co_await sleep(0s);
        say(yielding);
        co_await yielding;
    };
    TestLoop test;
    test.loop.run_until_complete(test.loop.create_task(body(test.loop), "main"));
    CHECK(said == std::vector<std::string>{"Future is pending", "Task 'main' is running",
                                           "Task 't' is ready to run", "Task 't' waits for Future",
                                           "Future is done", "Task 't' is ready to run", "Task 't' is done",
                                           "Task 'f' has failed", "Task 'c' was cancelled",
                                           "Task 'y' is ready to run"});
}

TEST_CASE("call graph: an await of a task leads to whoever awaits it") {
    CHECK(waiters_of_child([](Task<> child) { return await_task(child); }) == "main");
}

TEST_CASE("call graph: wait_for and timeouts lead to the task whose code they are part of") {
    CHECK(waiters_of_child([](Task<> child) { return wait_for(child, 1h); }) == "main");
    const auto timed = [](Task<> child) -> Coro<> {
        co_await with_timeout(1h, [&](Timeout&) -> Coro<> { co_await child; });
    };
    CHECK(waiters_of_child(timed) == "main");
}

TEST_CASE("call graph: gather and shield lead to their futures, and through them to those who await these") {
    const auto gathering = [](Task<> child) -> Coro<> { co_await gather(child, child); };
    CHECK(waiters_of_child(gathering) == "gathering Future < (main)");
    const auto shielding = [](Task<> child) -> Coro<> { co_await shield(child); };
    CHECK(waiters_of_child(shielding) == "Future < (main)");
}

TEST_CASE("call graph: wait and as_completed lead to the waiting task") {
    const auto waiting = [](Task<> child) -> Coro<> { co_await wait(child); };
    CHECK(waiters_of_child(waiting) == "main");
    const auto next = [](Task<> child) -> Coro<> {
        auto ended = as_completed(std::vector<Task<>>{child});
        co_await ended.next();
    };
    CHECK(waiters_of_child(next) == "main");
    const auto between_steps = [](Task<> child) -> Coro<> {
        auto ended = as_completed(std::vector<Task<>>{child});
        co_await nap();
    };
    CHECK(waiters_of_child(between_steps).empty());
}

TEST_CASE("call graph: the tasks of a group are awaited by the group's task") {
    std::string during, after;
    const auto body = [&](EventLoop& loop) -> Coro<> {
        Task<> child;
        const auto grouping = [&]() -> Coro<> {
            co_await with_task_group([&](TaskGroup& group) -> Coro<> {
                child = group.create_task(nap(), "child");
                co_return;
            });
        };
        Task<> main = loop.create_task(grouping(), "main");
        co_await rounds(3);
        during = names_above(capture_call_graph(child));
        child.cancel();
        co_await main;
        after = names_above(capture_call_graph(child));
    };
    run_in_loop(body);
    CHECK(during == "main");
    CHECK(after.empty());
}

TEST_CASE("call graph: nobody waits any more when the outer future is done, or the waiter was cancelled") {
    const auto body = [&](EventLoop& loop) -> Coro<> {
        Task<> child = loop.create_task(nap(), "child");
        auto shielded = shield(child);
        auto gathered = gather(shielded, child);
        Task<> waiting = loop.create_task(await_future(shielded), "waiting");
        co_await rounds(2);
        CHECK(names_above(capture_call_graph(child)) ==
              "Future < (gathering Future, waiting), gathering Future again");
        waiting.cancel();
        static_cast<void>(co_await outcome(waiting));
        CHECK(waiting.done());
        co_await rounds(3);
        CHECK(gathered.done());
        CHECK(names_above(capture_call_graph(child)).empty());
        static_cast<void>(outcome(gathered));
        static_cast<void>(thrown_by([&] { gathered.result(); }));
    };
    run_in_loop(body);
}

TEST_CASE("call graph: where two ways lead to one task it is described once") {
    const auto body = [](EventLoop& loop) -> Coro<> {
        Task<> bottom = loop.create_task(nap(), "bottom");
        Task<> left = loop.create_task(await_task(bottom), "left");
        Task<> right = loop.create_task(await_task(bottom), "right");
        const auto both = [&]() -> Coro<> { co_await wait(left, right); };
        Task<> top = loop.create_task(both(), "top");
        co_await rounds(3);
        const FutureCallGraph graph = capture_call_graph(bottom);
        CHECK(names_above(graph) == "left < (top), right < (top again)");
        const FutureCallGraph& again = graph.awaited_by.at(1).awaited_by.at(0);
        CHECK(again.call_stack.empty());
        CHECK(contains(format_call_graph(graph), "* Task 'top' (shown above)\n"));
        top.cancel();
        static_cast<void>(co_await outcome(top));
    };
    run_in_loop(body);
}

TEST_CASE("call graph: many diamonds on top of each other are described in proportion to their number") {
    const auto body = [](EventLoop& loop) -> Coro<> {
        Task<> bottom = loop.create_task(nap(), "bottom");
        const auto both = [](Task<> left, Task<> right) -> Coro<> { co_await wait(left, right); };
        Task<> below = bottom;
        for (int i = 0; i < 50; ++i) {
            const Task<> left = loop.create_task(await_task(below));
            const Task<> right = loop.create_task(await_task(below));
            below = loop.create_task(both(left, right));
        }
        co_await rounds(3);
        const std::string text = format_call_graph(bottom);
        CHECK(text.size() < 200000);
        bottom.cancel();
        static_cast<void>(co_await outcome(below));
    };
    run_in_loop(body);
}

TEST_CASE("call graph: a circle of tasks is shown as one") {
    const auto body = [](EventLoop& loop) -> Coro<> {
        std::optional<Task<>> first;
        const auto await_first = [&]() -> Coro<> { co_await *first; };
        const Task<> second = loop.create_task(await_first(), "second");
        first = loop.create_task(await_task(second), "first");
        co_await rounds(2);
        CHECK(names_above(capture_call_graph(*first)) == "second < (first circle)");
        CHECK(
            contains(format_call_graph(*first), "* Task 'first' (shown above: they wait for each other)\n"));
        CHECK(names_above(capture_call_graph(second)) == "first < (second circle)");
    };
    TestLoop test;
    test.loop.run_until_complete(body(test.loop));
}

TEST_CASE("call graph: limit and depth take a part of the call stack") {
    const auto functions = [](const FutureCallGraph& graph) {
        std::vector<std::string> names;
        for (const FrameCallGraphEntry& frame : graph.call_stack) {
            const std::string name(frame.function);
            names.push_back(name.substr(name.rfind(':') + 1));
        }
        return names;
    };
    using Names = std::vector<std::string>;
    const auto body = [&](EventLoop& loop) -> Coro<> {
        const Task<> task = loop.create_task(call_nap());
        co_await rounds(2);
        CHECK(functions(capture_call_graph(task)) == Names{"nap", "call_nap"});
        CHECK(functions(capture_call_graph(task, CallGraphOptions().limit(1))) == Names{"nap"});
        CHECK(functions(capture_call_graph(task, CallGraphOptions().limit(-1))) == Names{"call_nap"});
        CHECK(functions(capture_call_graph(task, CallGraphOptions().limit(0))).empty());
        CHECK(functions(capture_call_graph(task, CallGraphOptions().limit(9))) == Names{"nap", "call_nap"});
        CHECK(functions(capture_call_graph(task, CallGraphOptions().limit(-9))) == Names{"nap", "call_nap"});
        CHECK(functions(capture_call_graph(task, CallGraphOptions().depth(1))) == Names{"nap", "call_nap"});
    };
    run_in_loop(body);
    std::vector<std::size_t> sizes;
    const auto inner = [&]() -> Coro<> {
        for (std::size_t depth = 0; depth < 4; ++depth)
            sizes.push_back(capture_call_graph(CallGraphOptions().depth(depth))->call_stack.size());
        co_return;
    };
    const auto outer = [&]() -> Coro<> { co_await inner(); };
    TestLoop test;
    test.loop.run_until_complete(outer());
    CHECK(sizes == std::vector<std::size_t>{2, 1, 0, 0});
}

TEST_CASE("call graph: without a future it is that of the current task; a plain callback has none") {
    const auto body = [](EventLoop& loop) -> Coro<> {
        const std::optional<FutureCallGraph> graph = capture_call_graph();
        REQUIRE(graph);
        CHECK(graph->name == "main");
        CHECK(graph->activity == FutureActivity::running);
        CHECK(format_call_graph() == format_call_graph(current_task()));
        Future<> called = loop.create_future<>();
        loop.call_soon([called]() mutable {
            CHECK_FALSE(capture_call_graph());
            CHECK(format_call_graph().empty());
            called.set_result();
        });
        co_await called;
    };
    TestLoop test;
    test.loop.run_until_complete(test.loop.create_task(body(test.loop), "main"));
    CHECK_THROWS_AS(static_cast<void>(capture_call_graph()), RuntimeError);
    CHECK_THROWS_AS(static_cast<void>(capture_call_graph(AnyFuture())), InvalidStateError);
}

TEST_CASE("call graph: as text it names the task, its coroutines, and those who wait, in the same way") {
    std::string text, printed;
    const auto body = [&](EventLoop& loop) -> Coro<> {
        Task<> child = loop.create_task(nap(), "child");
        Task<> main = loop.create_task(await_task(child), "main");
        co_await rounds(2);
        text = format_call_graph(child);
        std::FILE* const file = std::tmpfile();
        REQUIRE(file != nullptr);
        print_call_graph(child, file);
        print_call_graph(file, CallGraphOptions().limit(0));
        printed = text_in(file);
        std::fclose(file);
        child.cancel();
        static_cast<void>(co_await outcome(main));
    };
    TestLoop test;
    test.loop.run_until_complete(test.loop.create_task(body(test.loop), "reporter"));
    // The places in the source are left out.
    std::string shape;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.compare(i, 4, " at ") == 0) i = text.find('\n', i);
        shape += text[i];
    }
    const auto without = [&](const std::string& part) { shape.replace(shape.find(part), part.size(), "@"); };
    const std::size_t nap_begins = shape.find("|   ") + 4;
    without(shape.substr(nap_begins, shape.find('\n', nap_begins) - nap_begins));
    const std::size_t await_begins = shape.rfind("|   ") + 4;
    without(shape.substr(await_begins, shape.find('\n', await_begins) - await_begins));
    CHECK(shape == "* Task 'child' waits for sleep\n"
                   "  + Call stack:\n"
                   "  |   @\n"
                   "  + Awaited by:\n"
                   "     * Task 'main' waits for Task 'child'\n"
                   "       + Call stack:\n"
                   "       |   @\n");
    CHECK(printed == text + "* Task 'reporter' is running\n");
}

TEST_CASE("deep await: the call graph of a hundred thousand tasks that await each other") {
    constexpr std::size_t count = 100000;
    const auto body = [&](EventLoop& loop) -> Coro<> {
        Future<> gate = loop.create_future<>();
        Task<> last = loop.create_task(await_future(gate), "first");
        for (std::size_t i = 1; i < count; ++i) last = loop.create_task(await_task(last), "next");
        co_await rounds(2);
        FutureCallGraph graph = capture_call_graph(gate);
        const FutureCallGraph copy = graph;
        graph = FutureCallGraph();
        std::size_t depth = 0;
        for (const FutureCallGraph* at = &copy; !at->awaited_by.empty(); at = &at->awaited_by.front())
            ++depth;
        CHECK(depth == count);
        const std::string text = format_call_graph(copy);
        CHECK(contains(text, "[" + std::to_string(count) + "] * Task 'next' waits for Task 'next'\n"));
        CHECK(text.size() < 1000 * count);
        gate.set_result();
        co_await last;
    };
    run_in_loop(body);
}

TEST_CASE("call graph: the name of a function is found in what compilers call it") {
    using detail::bare_function_name;
    CHECK(bare_function_name("aio::Coro<void> amain()") == "amain");
    CHECK(bare_function_name("aio::Coro<int> ns::S::m(std::vector<int>) const") == "ns::S::m");
    CHECK(bare_function_name("aio::Coro<> {anonymous}::run(F, A) [with F = void (*)(int); A = int]") ==
          "{anonymous}::run");
    CHECK(bare_function_name("Coro<R<F, A>> aio::call(F, A) [F = int (*)(int)]") == "aio::call");
    CHECK(bare_function_name("aio::Coro<decltype (f(declval<T>()))> aio::g(Body)") == "aio::g");
    CHECK(bare_function_name("main()::<lambda(std::string)>") == "main()::<lambda(std::string)>");
    CHECK(bare_function_name("auto main()::(anonymous class)::operator()(std::string) const") ==
          "main()::(anonymous class)::operator()");
    CHECK(bare_function_name("class aio::Coro<void> __cdecl ns::f(int)") == "ns::f");
    CHECK(bare_function_name("f") == "f");
    CHECK(bare_function_name("") == "");
    CHECK(bare_function_name(")(") == ")(");
}
