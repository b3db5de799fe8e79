#pragma once

/// What the workers do: a call whose answer can be checked.

#include <cstdint>

namespace pool_torture {

struct Answer {
    /// The process that worked it out.
    int pid = 0;
    std::uint64_t value = 0;
};

/// Computes for about `rounds` nanoseconds, and answers with `answer_to(question)`. Runs in a worker process.
Answer work(std::uint64_t question, std::uint64_t rounds);

[[nodiscard]] std::uint64_t answer_to(std::uint64_t question);

} // namespace pool_torture
