#pragma once

/// What is known of a run, for the display and for the verdict in the end.

#include <chrono>
#include <cstdint>
#include <map>

namespace pool_torture {

struct WorkerFigures {
    std::chrono::steady_clock::time_point first_seen;
    std::uint64_t calls = 0;
};

struct Figures {
    std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
    /// Calls that were handed to the pool.
    std::uint64_t submitted = 0;
    /// Those that came back with the right answer, and with a wrong one.
    std::uint64_t right = 0;
    std::uint64_t wrong = 0;
    /// Those that ended with their worker.
    std::uint64_t lost = 0;
    /// Of these, the ones whose worker nobody here has killed.
    std::uint64_t unexplained = 0;
    /// Those that failed in another way.
    std::uint64_t failed = 0;
    std::uint64_t kills = 0;
    /// Worker processes that there have been.
    std::uint64_t started = 0;
    std::chrono::nanoseconds longest_call{0};
    /// The workers of now, by process number.
    std::map<int, WorkerFigures> workers;

    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }
    /// Whether the pool has kept its promise: every answer right, and no call lost but by a kill of ours.
    [[nodiscard]] bool promise_kept() const {
        return wrong == 0 && failed == 0 && unexplained == 0 && lost <= kills;
    }
};

} // namespace pool_torture
