#include "filter.hpp"

#include <system_error>

#include "text.hpp"

namespace ingest {

Candidate candidate(const std::string& path, const TextCounts& counts) {
    return Candidate{path, counts.lines, counts.tokens, counts.bytes};
}

#if AIO_HAVE_LUA

namespace {

/// What is done without a filter of the user's: empty files do not count.
constexpr const char* built_in = "function keep(path, lines, tokens, bytes) return bytes > 0 end";

/// Many calls in one: there is no way to another thread and back for each file.
constexpr const char* keep_all = R"(
    local files = ...
    local decisions = {}
    for i, file in ipairs(files) do
        decisions[i] = keep(table.unpack(file))
    end
    return decisions
)";

aio::InterpreterPoolOptions interpreter_options(const std::string& file) {
    aio::InterpreterPoolOptions options;
    options.thread_name_prefix("filter");
    if (file.empty()) return options.source(built_in);
    try {
        return options.source_file(file);
    } catch (const std::system_error& error) {
        throw FilterError("the filter '" + printable(file) + "' cannot be read: " + error.code().message());
    }
}

} // namespace

Filter::Filter(const Options& options)
    : file_(options.filter), interpreters_(options.jobs, interpreter_options(options.filter)) {}

Filter::~Filter() { interpreters_.terminate_workers(); }

aio::Coro<> Filter::check() {
    bool has_keep = false;
    try {
        has_keep = co_await aio::get_running_loop().run_in_executor(
            interpreters_, aio::lua<bool>("return type(keep) == 'function'"));
    } catch (const aio::BrokenInterpreterPool& error) {
        throw FilterError(name() + " cannot be used: " + error.what());
    }
    if (!has_keep)
        throw FilterError(name() +
                          " cannot be used: it defines no function keep(path, lines, tokens, bytes)");
}

aio::Coro<std::vector<bool>> Filter::keep(const std::vector<Candidate>& files) {
    try {
        co_return co_await aio::get_running_loop().run_in_executor(
            interpreters_, aio::lua<std::vector<bool>>(keep_all), files);
    } catch (const aio::ExecutionFailed&) {
    } catch (const aio::ConversionError&) {
    }
    // It does not say for which of them: that is found by asking for each.
    std::vector<bool> decisions;
    for (const Candidate& file : files) {
        const bool kept = co_await keep_one(file);
        decisions.push_back(kept);
    }
    co_return decisions;
}

aio::Coro<bool> Filter::keep_one(const Candidate& file) {
    try {
        co_return co_await aio::get_running_loop().run_in_executor(
            interpreters_, aio::lua<bool>("keep"), file.path, file.lines, file.tokens, file.bytes);
    } catch (const aio::ExecutionFailed& error) {
        throw FilterError(name() + " failed for '" + printable(file.path) + "': " + error.message());
    } catch (const aio::ConversionError& error) {
        throw FilterError(name() + " failed for '" + printable(file.path) + "': " + error.what());
    }
}

std::vector<bool> Filter::keep_each(const std::vector<Candidate>& files) {
    return interpreters_.submit(aio::lua<std::vector<bool>>(keep_all), files).result();
}

#else

Filter::Filter(const Options& options) : file_(options.filter) {
    if (!file_.empty()) throw FilterError(name() + " cannot be used: this program was built without Lua");
}

Filter::~Filter() = default;

aio::Coro<> Filter::check() { co_return; }

aio::Coro<std::vector<bool>> Filter::keep(const std::vector<Candidate>& files) { co_return keep_each(files); }

std::vector<bool> Filter::keep_each(const std::vector<Candidate>& files) {
    std::vector<bool> decisions;
    for (const Candidate& file : files) decisions.push_back(file.bytes > 0);
    return decisions;
}

#endif

std::string Filter::name() const {
    return file_.empty() ? "the built-in filter" : "the filter '" + printable(file_) + "'";
}

} // namespace ingest
