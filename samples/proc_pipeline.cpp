// Runs programs that are connected, shows what the last one writes, and how each of them has ended.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <aio/aio.hpp>

#include "common/output.hpp"
#include "common/program.hpp"

namespace {

const char* const usage =
    "usage: proc_pipeline [--timeout S] -- COMMAND [ARGUMENT...] [--- COMMAND [ARGUMENT...]]...\n"
    "\n"
    "The commands are separated by '---'. They read what this program reads, each gets the output of the\n"
    "one before it, and that of the last is shown as it comes.\n"
    "\n"
    "  --timeout S   seconds after which all are asked to end, and killed a second later\n"
    "\n"
    "Exit code: that of the last command, as a shell gives it; 124 after a timeout, 130 after Ctrl-C.\n";

constexpr int timed_out = 124;

std::vector<aio::Command> split(const std::vector<std::string>& words) {
    std::vector<aio::Command> commands;
    std::vector<std::string> command;
    const auto finish = [&] {
        if (command.empty()) throw samples::UsageError("a command is missing");
        commands.emplace_back(std::exchange(command, {}));
    };
    for (const std::string& word : words) {
        if (word == "---")
            finish();
        else
            command.push_back(word);
    }
    finish();
    return commands;
}

aio::Coro<> show_output(aio::PipeStream& output) {
    std::array<std::byte, 65536> memory;
    while (const std::size_t count = co_await output.read_some(memory))
        samples::write_out(std::span(memory).first(count));
}

aio::Coro<std::vector<int>> run_to_the_end(aio::Pipeline& pipeline) {
    co_await show_output(pipeline.stdout_stream());
    co_return co_await pipeline.wait();
}

/// Those that do not end when they are asked to are killed.
aio::Coro<> stop(aio::Pipeline& pipeline) {
    for (aio::Process& process : pipeline.processes())
        if (!process.returncode()) process.terminate();
    bool stubborn = false;
    try {
        static_cast<void>(co_await aio::wait_for(pipeline.wait(), std::chrono::seconds(1)));
    } catch (const aio::TimeoutError&) {
        stubborn = true;
    }
    if (!stubborn) co_return;
    pipeline.kill();
    static_cast<void>(co_await pipeline.wait());
}

int report(const std::vector<aio::Command>& commands, aio::Pipeline& pipeline) {
    int last = 0;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        const int code = pipeline.processes()[i].returncode().value_or(0);
        last = code < 0 ? 128 - code : code;
        const std::string& name = commands[i].arguments().front();
        if (code < 0)
            std::fprintf(stderr, "%s: ended by signal %d\n", name.c_str(), -code);
        else
            std::fprintf(stderr, "%s: exit code %d\n", name.c_str(), code);
    }
    return last;
}

aio::Coro<int> run_commands(std::vector<aio::Command> commands,
                            std::optional<std::chrono::duration<double>> limit) {
    const aio::SubprocessOptions options = aio::SubprocessOptions().stdout_to(aio::subprocess::PIPE);
    aio::Pipeline pipeline = co_await aio::create_pipeline(options, commands);
    std::optional<int> code;
    try {
        if (limit)
            static_cast<void>(co_await aio::wait_for(run_to_the_end(pipeline), *limit));
        else
            static_cast<void>(co_await run_to_the_end(pipeline));
    } catch (const aio::TimeoutError&) {
        code = timed_out;
    } catch (const aio::CancelledError&) {
        code = samples::interrupted;
    }
    if (code) co_await stop(pipeline);
    const int last = report(commands, pipeline);
    co_return code.value_or(last);
}

aio::Coro<int> amain(samples::CommandLine line) {
    std::optional<std::chrono::duration<double>> limit;
    const double seconds = line.number("--timeout", 0.0, 0.0, 1e9);
    if (seconds > 0) limit = std::chrono::duration<double>(seconds);
    const std::vector<std::string> words = line.take_after_dashes();
    static_cast<void>(line.rest(0, 0));
    std::vector<aio::Command> commands = split(words);
    co_return co_await run_commands(std::move(commands), limit);
}

} // namespace

int main(int argc, char** argv) { return samples::main_of(amain, argc, argv, usage); }
