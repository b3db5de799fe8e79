#pragma once

/// Files on their way through the pools: threads read them, processes parse them, interpreters decide whether
/// they count, and the loop's thread adds them up.

#include <cstddef>
#include <optional>
#include <string>

#include <aio/aio.hpp>

#include "console.hpp"
#include "filter.hpp"
#include "options.hpp"
#include "state.hpp"

namespace ingest {

class Pipeline {
public:
    /// All arguments must outlive it.
    Pipeline(const Options& options, Filter& filter, State& state, Console& console);

    /// Finds all files, then brings them all to an end. When it is cancelled, `state` has what was done until
    /// then. Throws `FilterError`, and `std::system_error` if there is nothing to be read at all.
    aio::Coro<> run();

private:
    aio::Coro<> find_files();
    aio::Coro<> ingest_files();
    /// Several of these run at a time, and each has one piece of one file in work: that bounds the memory.
    aio::Coro<> take_files();
    aio::Coro<Fate> ingest_file(const std::string& path);
    /// None if it is binary.
    aio::Coro<std::optional<FileCounts>> read_and_parse(const std::string& path);
    aio::Coro<> show_progress();

    const Options& options_;
    Filter& filter_;
    State& state_;
    Console& console_;
    aio::ThreadPoolExecutor readers_;
    aio::ProcessPoolExecutor parsers_;
};

} // namespace ingest
