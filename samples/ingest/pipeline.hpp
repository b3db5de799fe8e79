#pragma once

/// Files on their way through the pools: threads read them, processes parse them, interpreters decide whether
/// they count, and the loop's thread adds them up.

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <aio/aio.hpp>

#include "console.hpp"
#include "files.hpp"
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
    /// What has been read of several files.
    struct Texts {
        void add(std::size_t file, std::string text) {
            files.push_back(file);
            texts.push_back(std::move(text));
        }
        std::vector<std::size_t> files;
        std::vector<std::string> texts;
    };

    aio::Coro<> find_files();
    aio::Coro<> ingest_files();
    /// Several of these run at a time, and each has one batch, or one piece of a large file, in work: that
    /// bounds the memory.
    aio::Coro<> take_batches();
    aio::Coro<> ingest(Range batch);
    /// When the process dies that parses them, only the file is lost with which one dies again.
    aio::Coro<> ingest_texts(Texts texts);
    aio::Coro<> count(const std::vector<std::size_t>& files, std::vector<std::string> texts);
    /// For a file that is too large to be read as a whole.
    aio::Coro<> ingest_in_pieces(std::size_t file);
    /// None if it is binary.
    aio::Coro<std::optional<FileCounts>> count_pieces(const std::string& path);
    void skip(std::size_t file, const std::string& reason);
    void lose(std::size_t file, const aio::WorkerCrashed& error);
    aio::Coro<> show_progress();

    const Options& options_;
    Filter& filter_;
    State& state_;
    Console& console_;
    aio::ThreadPoolExecutor readers_;
    aio::ProcessPoolExecutor parsers_;
};

} // namespace ingest
