#include <doctest/doctest.h>

#include <aio/core/async_generator.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/executors/concurrent_future.hpp>
#include <aio/executors/process_stream.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/executors/wrap_future.hpp>

#include "support/conformance.hpp"

using namespace aio;
using namespace aio::test;

namespace {

Future<int> wrapped(Gate& gate) {
    const ConcurrentFuture<int> concurrent;
    gate.on_open([concurrent] {
        if (!concurrent.done()) concurrent.set_result(7);
    });
    return wrap_future(concurrent);
}

/// What a worker would do is done by the gate.
detail::Ref<detail::StreamOf<int>> open_stream() {
    return detail::Ref(new detail::StreamOf<int>(get_running_loop(), ProcessCallOptions()));
}
Coro<int> next_of_stream(Gate& gate) {
    const detail::Ref<detail::StreamOf<int>> source = open_stream();
    gate.on_open([source] { source->add(7, 1); });
    const ProcessStream<int> stream(source);
    const auto item = co_await stream.next();
    co_return item.value_or(0);
}
Coro<> close_stream(Gate& gate) {
    const detail::Ref<detail::StreamOf<int>> source = open_stream();
    gate.on_open([source] { source->end_call(nullptr); });
    const ProcessStream<int> stream(source);
    co_await stream.aclose();
}

Coro<> shut_down_while_busy(Gate& gate) {
    EventLoop& loop = get_running_loop();
    const auto call = loop.run_in_executor(nullptr, gate.blocker());
    co_await loop.shutdown_default_executor();
}

AsyncGenerator<int> wait_when_closed(Future<int> future) {
    bool closed = false;
    try {
        co_yield 0;
    } catch (const GeneratorExit&) {
        closed = true;
    }
    if (closed) co_await future;
}
Coro<> close_what_is_open(Future<int> future) {
    auto generator = wait_when_closed(future);
    co_await generator.next();
    co_await get_running_loop().shutdown_asyncgens();
}

} // namespace

TEST_CASE("conformance: futures of other threads") {
    check_conformance("wrap_future", 7, [](Gate& gate) { return wrapped(gate); });
}

TEST_CASE("conformance: the end of a loop's services") {
    check_conformance("shutdown_default_executor", [](Gate& gate) { return shut_down_while_busy(gate); });
    check_conformance("shutdown_asyncgens", [](Gate& gate) { return close_what_is_open(gate.future()); });
}

TEST_CASE("conformance: streams from worker processes") {
    check_conformance("ProcessStream::next", 7, [](Gate& gate) { return next_of_stream(gate); });
    check_conformance("ProcessStream::aclose", [](Gate& gate) { return close_stream(gate); });
}
