#pragma once

/// The command line.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "../common/command_line.hpp"

namespace pool_torture {

struct Options {
    int workers = 1;
    std::chrono::duration<double> duration{10};
    double kills_per_second = 20;
    /// How long a call computes, roughly.
    std::uint64_t call_microseconds = 500;
    std::uint64_t seed = 1;
    bool help = false;
};

using samples::UsageError;

/// Throws `UsageError`, which says what is wrong with the arguments.
[[nodiscard]] Options parse_arguments(const std::vector<std::string>& arguments);

[[nodiscard]] const char* usage();

} // namespace pool_torture
