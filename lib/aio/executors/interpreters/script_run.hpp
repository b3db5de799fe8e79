#pragma once

/// What one run of a script is held to.

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <utility>

namespace aio {

/// Limits of one call. Zero is none.
class ScriptLimits {
public:
    ScriptLimits() = default;
    ScriptLimits(std::uint64_t most_instructions, std::size_t most_memory) noexcept
        : instructions(most_instructions), memory(most_memory) {}

    /// Steps of the interpreter.
    std::uint64_t instructions = 0;
    /// Bytes that the interpreter may hold, all it has included.
    std::size_t memory = 0;

    /// These, where they are set, and else those.
    [[nodiscard]] ScriptLimits or_else(const ScriptLimits& others) const noexcept {
        return ScriptLimits(instructions != 0 ? instructions : others.instructions,
                            memory != 0 ? memory : others.memory);
    }
};

/// What an interpreter is told when it is to run something.
class ScriptRun {
public:
    ScriptRun() = default;
    ScriptRun(std::stop_token s, ScriptLimits l) noexcept : stop(std::move(s)), limits(l) {}

    /// Requested when the run is no longer wanted: the script is to end with an error soon.
    std::stop_token stop;
    ScriptLimits limits;
};

} // namespace aio
