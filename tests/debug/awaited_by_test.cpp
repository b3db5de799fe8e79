// Edges of the call graph that a program's own combinators note.

#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/debug/awaited_by.hpp>
#include <aio/debug/call_graph.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;

namespace {

Coro<> await_future(Future<> future) { co_await future; }

std::string waiters(const AnyFuture& future) {
    std::string text;
    for (const FutureCallGraph& waiter : capture_call_graph(future).awaited_by)
        text += (text.empty() ? "" : ", ") + waiter.name;
    return text;
}

} // namespace

TEST_CASE("awaited by: a noted edge is part of the call graph, once, until it is discarded") {
    const auto body = [](EventLoop& loop) -> Coro<> {
        Future<> inner = loop.create_future<>();
        Future<> outer = loop.create_future<>();
        Task<> task = loop.create_task(await_future(outer), "task");
        co_await rounds(2);
        CHECK(waiters(inner).empty());
        future_add_to_awaited_by(inner, outer);
        future_add_to_awaited_by(inner, outer);
        CHECK(waiters(inner) == "Future");
        CHECK(capture_call_graph(inner).awaited_by.at(0).awaited_by.at(0).name == "task");
        future_add_to_awaited_by(inner, task);
        CHECK(waiters(inner) == "Future, task");
        future_discard_from_awaited_by(inner, outer);
        CHECK(waiters(inner) == "task");
        future_discard_from_awaited_by(inner, outer);
        CHECK(waiters(inner) == "task");
        outer.set_result();
        co_await task;
        CHECK(waiters(inner).empty());
    };
    run_in_loop(body);
}

TEST_CASE("awaited by: discarding leaves a real await alone") {
    const auto body = [](EventLoop& loop) -> Coro<> {
        Future<> inner = loop.create_future<>();
        Task<> task = loop.create_task(await_future(inner), "task");
        co_await rounds(2);
        future_discard_from_awaited_by(inner, task);
        CHECK(waiters(inner) == "task");
        inner.set_result();
        co_await task;
    };
    run_in_loop(body);
}

TEST_CASE("awaited by: an edge ends with either of its futures, and keeps neither alive") {
    EventLoop loop;
    Future<> inner = loop.create_future<>();
    {
        const Future<> outer = loop.create_future<>();
        future_add_to_awaited_by(inner, outer);
        CHECK(outer.state().references() == 1);
        CHECK(inner.state().references() == 1);
    }
    CHECK(waiters(inner).empty());

    Future<> outer = loop.create_future<>();
    future_add_to_awaited_by(inner, outer);
    outer.set_result();
    CHECK(waiters(inner).empty());

    outer = loop.create_future<>();
    future_add_to_awaited_by(inner, outer);
    inner.cancel();
    CHECK(waiters(inner).empty());
    outer.set_result();

    inner = loop.create_future<>();
    outer = loop.create_future<>();
    future_add_to_awaited_by(inner, outer);
    inner = Future<>();
    CHECK_FALSE(outer.done());
}

TEST_CASE("awaited by: two futures may be noted to wait for each other") {
    EventLoop loop;
    Future<> a = loop.create_future<>();
    Future<> b = loop.create_future<>();
    future_add_to_awaited_by(a, b);
    future_add_to_awaited_by(b, a);
    const FutureCallGraph graph = capture_call_graph(a);
    CHECK(graph.awaited_by.at(0).awaited_by.at(0).mark == CallGraphMark::cycle);
    a.set_result();
    CHECK(waiters(b).empty());
}

TEST_CASE("awaited by: an edge does not outlive the loop, and changes nothing after it") {
    EventLoop loop;
    Future<> inner = loop.create_future<>();
    Future<> outer = loop.create_future<>();
    future_add_to_awaited_by(inner, outer);
    loop.close();
    CHECK(waiters(inner).empty());
    inner.set_result();
    outer.set_result();
    CHECK(outer.done());
}

TEST_CASE("awaited by: futures that are done are left alone, and misuse is an error") {
    EventLoop loop;
    EventLoop other;
    Future<> pending = loop.create_future<>();
    Future<> done = loop.create_future<>();
    done.set_result();
    future_add_to_awaited_by(pending, done);
    future_add_to_awaited_by(done, pending);
    CHECK(waiters(pending).empty());
    CHECK(waiters(done).empty());
    CHECK_THROWS_AS(future_add_to_awaited_by(pending, pending), ValueError);
    CHECK_THROWS_AS(future_add_to_awaited_by(pending, AnyFuture()), InvalidStateError);
    CHECK_THROWS_AS(future_discard_from_awaited_by(AnyFuture(), pending), InvalidStateError);
    const Future<> foreign = other.create_future<>();
    CHECK_THROWS_AS(future_add_to_awaited_by(pending, foreign), RuntimeError);
    const Future<> second = loop.create_future<>();
    loop.close();
    CHECK_THROWS_AS(future_add_to_awaited_by(pending, second), RuntimeError);
}
