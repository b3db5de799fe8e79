// Kills workers of a process pool at random, and shows that only the calls they were running are lost.

#include <cstdio>
#include <string>
#include <vector>

#include <aio/aio.hpp>

#include "display.hpp"
#include "options.hpp"
#include "torture.hpp"

namespace pool_torture {
namespace {

enum ExitCode : int { success = 0, failure = 1, usage_error = 2, interrupted = 130 };

aio::Coro<int> amain(std::vector<std::string> arguments) {
    Options options;
    try {
        options = parse_arguments(arguments);
    } catch (const UsageError& error) {
        std::fprintf(stderr, "pool_torture: %s\n\n%s", error.what(), usage());
        co_return usage_error;
    }
    if (options.help) {
        std::fputs(usage(), stdout);
        co_return success;
    }
    Torture torture(options);
    int code = success;
    try {
        co_await torture.run();
    } catch (const aio::CancelledError&) {
        code = interrupted;
    }
    print_summary(torture.figures());
    co_return torture.figures().promise_kept() ? code : failure;
}

} // namespace
} // namespace pool_torture

int main(int argc, char** argv) {
    try {
        return aio::run(pool_torture::amain(std::vector<std::string>(argv + 1, argv + argc)));
    } catch (const aio::KeyboardInterrupt&) {
        return pool_torture::interrupted; // Ctrl-C for the second time
    }
}
