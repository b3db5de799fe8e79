#pragma once

/// Decides which files count: a Lua function of the user's, `keep(path, lines, tokens, bytes)`, in
/// interpreters.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <aio/aio.hpp>
#include <aio/executors/interpreter_pool.hpp>

#include "options.hpp"
#include "totals.hpp"

namespace ingest {

/// The filter cannot be used, or failed.
class FilterError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What `keep` is asked about.
struct Candidate {
    std::string path;
    std::uint64_t lines = 0;
    std::uint64_t tokens = 0;
    std::uint64_t bytes = 0;
};

Candidate candidate(const std::string& path, const TextCounts& counts);

class Filter {
public:
    /// Throws `FilterError` if the file that `options` names is not to be read, or this program was built
    /// without Lua.
    explicit Filter(const Options& options);
    /// Stops a filter that is still running: nobody waits for it any more, and it may be one that never ends.
    ~Filter();
    Filter(const Filter&) = delete;
    Filter& operator=(const Filter&) = delete;

    /// Throws `FilterError` unless there is a function `keep`.
    aio::Coro<> check();
    /// Whether each of the files counts. Throws `FilterError` when `keep` fails, or does not return a
    /// boolean.
    aio::Coro<std::vector<bool>> keep(const std::vector<Candidate>& files);
    /// The same, for other threads than the loop's: it blocks.
    std::vector<bool> keep_each(const std::vector<Candidate>& files);

private:
    [[nodiscard]] std::string name() const;

    std::string file_;
#if AIO_HAVE_LUA
    aio::Coro<bool> keep_one(const Candidate& file);

    aio::InterpreterPoolExecutor interpreters_;
#endif
};

} // namespace ingest
