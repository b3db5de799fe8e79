#pragma once

/// What `main` of a sample does: arguments, exit codes, Ctrl-C.

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <aio/aio.hpp>

#include "command_line.hpp"

namespace samples {

enum ExitCode : int { success = 0, failure = 1, usage_error = 2, interrupted = 130 };

/// Runs `amain(command_line)`, a coroutine that gives the exit code. `usage` is printed for --help, and after
/// what is wrong with the arguments.
template <class Main>
aio::Coro<int> run_main(Main amain, std::vector<std::string> arguments, const char* usage) {
    CommandLine line(std::move(arguments));
    if (line.flag("--help") || line.flag("-h")) {
        std::fputs(usage, stdout);
        co_return success;
    }
    try {
        co_return co_await amain(std::move(line));
    } catch (const UsageError& error) {
        std::fprintf(stderr, "%s\n\n%s", error.what(), usage);
    }
    co_return usage_error;
}

template <class Main>
int main_of(Main amain, int argc, char** argv, const char* usage) {
    try {
        return aio::run(run_main(amain, std::vector<std::string>(argv + 1, argv + argc), usage));
    } catch (const aio::KeyboardInterrupt&) {
        return interrupted; // Ctrl-C while it was ending already
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return failure;
    }
}

} // namespace samples
