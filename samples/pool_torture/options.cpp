#include "options.hpp"

#include <charconv>
#include <system_error>

#include <aio/aio.hpp>

namespace pool_torture {
namespace {

template <class T>
T number(const std::string& option, const std::string& text, T least, T most) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    // Written so that what is no number at all (NaN) is refused too.
    if (error != std::errc() || stop != end || !(value >= least && value <= most))
        throw UsageError(option + " cannot be '" + text + "'");
    return value;
}

} // namespace

Options parse_arguments(const std::vector<std::string>& arguments) {
    Options options;
    options.workers = aio::ProcessPoolExecutor::default_max_workers();
    for (auto argument = arguments.begin(); argument != arguments.end(); ++argument) {
        const std::string& name = *argument;
        if (name == "-h" || name == "--help") {
            options.help = true;
            return options;
        }
        if (name != "--workers" && name != "--seconds" && name != "--kills" && name != "--call" &&
            name != "--seed")
            throw UsageError("there is no option '" + name + "'");
        if (++argument == arguments.end()) throw UsageError(name + " needs a value");
        if (name == "--workers")
            options.workers = number(name, *argument, 1, 256);
        else if (name == "--seconds")
            options.duration = std::chrono::duration<double>(number(name, *argument, 0.1, 1e6));
        else if (name == "--kills")
            options.kills_per_second = number(name, *argument, 0.0, 1000.0);
        else if (name == "--call")
            options.call_microseconds = number<std::uint64_t>(name, *argument, 0, 10'000'000);
        else
            options.seed = number<std::uint64_t>(name, *argument, 0, UINT64_MAX);
    }
    return options;
}

const char* usage() {
    return "usage: pool_torture [--workers N] [--seconds S] [--kills K] [--call US] [--seed N]\n"
           "\n"
           "Runs calls in a pool of worker processes while workers are killed at random, and shows that "
           "only\n"
           "those calls are lost which a killed worker was running.\n"
           "\n"
           "  --workers N   worker processes (default: one for each processor)\n"
           "  --seconds S   how long it goes on (default: 10)\n"
           "  --kills K     workers killed in a second, on average (default: 20)\n"
           "  --call US     microseconds that a call computes (default: 500)\n"
           "  --seed N      which workers are killed when (default: 1)\n"
           "\n"
           "Exit code 0 if everything was as it should be, 1 if not, 130 after Ctrl-C.\n";
}

} // namespace pool_torture
