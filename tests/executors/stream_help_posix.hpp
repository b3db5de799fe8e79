#pragma once

/// What the tests of streams share: functions that emit, and ways to read what they do.

#include "process_help_posix.hpp"

#include <aio/executors/process_stream.hpp>
#include <aio/workers/emit.hpp>

#include <unistd.h>

#include <chrono>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "support/loop_help.hpp"

namespace streams {

using aio::Emit;

inline void count_to(Emit<int> emit, int last) {
    for (int i = 1; i <= last; ++i) emit(i);
}
inline void count_forever(Emit<int> emit) {
    for (int i = 1;; ++i) emit(i);
}
inline int pid() { return ::getpid(); }
inline int square(int x) { return x * x; }

/// The items that are left.
template <class T>
aio::Coro<std::vector<T>> read_all(const aio::ProcessStream<T>& stream) {
    std::vector<T> items;
    while (auto item = co_await stream.next()) items.push_back(std::move(*item));
    co_return items;
}

/// Reads to the end; how it ended, as a word.
template <class T>
aio::Coro<std::string> end_of(const aio::ProcessStream<T>& stream, std::vector<T>& items) {
    std::string text = "end";
    try {
        while (auto item = co_await stream.next()) items.push_back(std::move(*item));
    } catch (const aio::WorkerCrashed& error) {
        text = "signal " + std::to_string(error.exit().signal);
    } catch (...) {
        text = aio::test::text_of(std::current_exception());
    }
    co_return text;
}

inline std::vector<int> up_to(int last) {
    std::vector<int> numbers(static_cast<std::size_t>(last));
    std::iota(numbers.begin(), numbers.end(), 1);
    return numbers;
}

/// Graces so long that only what needs no signal ends in time, or so short that nobody waits for them.
inline aio::ProcessPoolOptions patient() {
    return aio::ProcessPoolOptions()
        .max_workers(1)
        .stop_grace(std::chrono::hours(1))
        .kill_grace(std::chrono::hours(1));
}

inline aio::ProcessPoolOptions hasty() {
    return aio::ProcessPoolOptions()
        .max_workers(1)
        .stop_grace(std::chrono::milliseconds(1))
        .kill_grace(std::chrono::milliseconds(1));
}

} // namespace streams
