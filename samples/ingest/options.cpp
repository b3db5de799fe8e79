#include "options.hpp"

#include <charconv>
#include <system_error>

#include <aio/aio.hpp>

#include "text.hpp"

namespace ingest {
namespace {

template <class T>
T number(const std::string& option, const std::string& text, T least, T most, const char* what) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    // Written so that what is no number at all (NaN) is refused too.
    if (error != std::errc() || stop != end || !(value >= least && value <= most))
        throw UsageError(option + " takes " + what + ", not '" + printable(text) + "'");
    return value;
}

} // namespace

Options parse_arguments(const std::vector<std::string>& arguments) {
    Options options;
    options.jobs = aio::ProcessPoolExecutor::default_max_workers();
    bool has_path = false;
    bool only_paths = false;
    for (auto argument = arguments.begin(); argument != arguments.end(); ++argument) {
        if (only_paths || *argument == "-" || !argument->starts_with('-')) {
            if (argument->empty()) throw UsageError("the path is empty");
            if (has_path) throw UsageError("there is one PATH too many: '" + printable(*argument) + "'");
            options.path = *argument;
            has_path = true;
            continue;
        }
        if (*argument == "--") {
            only_paths = true;
            continue;
        }
        if (*argument == "-h" || *argument == "--help") {
            options.help = true;
            return options;
        }
        // "--option value" or "--option=value".
        const std::size_t equals = argument->find('=');
        const std::string name = argument->substr(0, equals);
        if (name != "--timeout" && name != "--jobs" && name != "--filter" && name != "--top")
            throw UsageError("there is no option '" + printable(name) + "'");
        std::string value;
        if (equals != std::string::npos)
            value = argument->substr(equals + 1);
        else if (++argument != arguments.end())
            value = *argument;
        else
            throw UsageError(name + " needs a value");

        if (name == "--timeout")
            options.timeout =
                std::chrono::duration<double>(number(name, value, 0.001, 1e9, "a number of seconds above 0"));
        else if (name == "--jobs")
            options.jobs = number(name, value, 1, 256, "a number from 1 to 256");
        else if (name == "--top")
            options.top = number<std::size_t>(name, value, 0, 1'000'000, "a number from 0 to 1000000");
        else if (value.empty())
            throw UsageError("--filter takes the name of a Lua file");
        else
            options.filter = value;
    }
    if (!has_path) throw UsageError("there is no PATH: which files are to be read?");
    return options;
}

const char* usage() {
    return "usage: ingest PATH [--timeout S] [--jobs N] [--filter FILE.lua] [--top N]\n"
           "\n"
           "Counts the lines, tokens and identifiers of all text files below PATH.\n"
           "\n"
           "  --timeout S        stop after S seconds, with what was done until then (exit code 124)\n"
           "  --jobs N           parse in N processes (default: one for each processor)\n"
           "  --filter FILE.lua  count only files for which its keep(path, lines, tokens, bytes) returns "
           "true\n"
           "  --top N            show the N most frequent identifiers (default: 10)\n"
           "\n"
           "Ctrl-C stops as the timeout does (exit code 130).\n";
}

} // namespace ingest
