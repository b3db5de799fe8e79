#pragma once

/// The command line.

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace ingest {

/// What the user asked for.
struct Options {
    std::string path;
    /// How long the whole run may take.
    std::optional<std::chrono::duration<double>> timeout;
    /// Worker processes; twice as many batches of files are in work at a time, so that the next ones are read
    /// while these are parsed.
    int jobs = 1;
    /// A Lua file with a function `keep`; empty for the filter that is built in.
    std::string filter;
    /// How many of the most frequent identifiers to show.
    std::size_t top = 10;
    bool help = false;
};

/// The arguments make no sense; the message says which one, and why.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Reads the arguments that follow the program's name. Throws `UsageError`.
Options parse_arguments(const std::vector<std::string>& arguments);

/// What `--help` prints.
const char* usage();

} // namespace ingest
