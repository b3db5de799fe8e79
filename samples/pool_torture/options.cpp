#include "options.hpp"

#include <aio/aio.hpp>

namespace pool_torture {

Options parse_arguments(const std::vector<std::string>& arguments) {
    samples::CommandLine line(arguments);
    Options options;
    options.help = line.flag("-h") || line.flag("--help");
    if (options.help) return options;
    options.workers = line.number("--workers", aio::ProcessPoolExecutor::default_max_workers(), 1, 256);
    options.duration =
        std::chrono::duration<double>(line.number("--seconds", options.duration.count(), 0.1, 1e6));
    options.kills_per_second = line.number("--kills", options.kills_per_second, 0.0, 1000.0);
    options.call_microseconds =
        line.number<std::uint64_t>("--call", options.call_microseconds, 0, 10'000'000);
    options.seed = line.number<std::uint64_t>("--seed", options.seed, 0, UINT64_MAX);
    static_cast<void>(line.rest(0, 0));
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
