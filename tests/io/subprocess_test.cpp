// The programs are this one, of which a test case is what runs: there is no other that every system has.

#include <aio/io/subprocess.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/pipeline.hpp>

#include "io/stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/own_program.hpp"

using namespace aio;
using namespace aio::test;
using namespace aio::subprocess;

TEST_CASE("subprocess: program that hands its input on" * doctest::skip()) {
    char memory[4096];
    while (const std::size_t count = std::fread(memory, 1, sizeof memory, stdin))
        std::fwrite(memory, 1, count, stdout);
}

TEST_CASE("subprocess: program that counts its input" * doctest::skip()) {
    long count = 0;
    while (std::getchar() != EOF) ++count;
    std::printf("%ld", count);
    std::fflush(stdout);
    std::exit(5);
}

TEST_CASE("subprocess: program that ends without reading" * doctest::skip()) {
    std::fputs("output, ", stdout);
    std::fflush(stdout);
    std::fputs("errors", stderr);
}

TEST_CASE("subprocess: program that never ends" * doctest::skip()) {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

namespace {

Command program(const std::string& which) {
    return Command(own_program("subprocess: program that " + which));
}

} // namespace

TEST_CASE("subprocess: on every system the errors may go where the output goes") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const std::vector<std::string> speaker = program("ends without reading").arguments();
        SubprocessOptions joined;
        joined.stdout_to(PIPE).stderr_to(STDOUT);
        Process process = co_await create_subprocess_exec(joined, speaker);
        const ProcessOutput output = co_await process.communicate();
        CHECK(output.stdout_data() == "output, errors");
    });
}

TEST_CASE("subprocess: on every system a program need not read its input") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const std::string text = io_test::long_text(1'000'000);
        SubprocessOptions options;
        options.stdin_from(PIPE).stdout_to(PIPE).stderr_to(DEVNULL);
        Process process =
            co_await create_subprocess_exec(options, program("ends without reading").arguments());
        const ProcessOutput output = co_await process.communicate(text);
        CHECK(output.stdout_data() == "output, ");
        CHECK(process.returncode() == 0);

        std::vector<Command> commands;
        commands.push_back(program("ends without reading"));
        commands.push_back(program("counts its input"));
        Pipeline pipeline = co_await create_pipeline(options, commands);
        const PipelineOutput count = co_await pipeline.communicate(text);
        CHECK(count.stdout_data() == "8");
        CHECK(count.returncodes() == std::vector<int>{0, 5});
    });
}

TEST_CASE("pipeline: on every system the bytes go from program to program, as many as there are") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const SubprocessOptions options = SubprocessOptions().stdin_from(PIPE).stdout_to(PIPE);
        // More than the pipes hold.
        const std::string text = io_test::long_text(1'000'000);
        std::vector<Command> commands;
        for (int i = 0; i < 3; ++i) commands.push_back(program("hands its input on"));
        Pipeline pipeline = co_await create_pipeline(options, commands);
        const PipelineOutput output = co_await pipeline.communicate(text);
        CHECK((output.stdout_data() == text));
        CHECK(output.returncodes() == std::vector<int>{0, 0, 0});

        commands.push_back(program("counts its input"));
        Pipeline counted = co_await create_pipeline(options, commands);
        const PipelineOutput count = co_await counted.communicate(text);
        CHECK(count.stdout_data() == "1000000");
        CHECK(count.returncodes() == std::vector<int>{0, 0, 0, 5});
    });
}

TEST_CASE("pipeline: killing it ends every program, which tells so") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        std::vector<Command> commands;
        for (int i = 0; i < 2; ++i) commands.push_back(program("never ends"));
        Pipeline pipeline = co_await create_pipeline(SubprocessOptions(), commands);
        pipeline.kill();
        // They may have ended by now, but this loop cannot have seen it.
        pipeline.kill();
        const std::vector<int> codes = co_await pipeline.wait();
        CHECK(codes == std::vector<int>{-uv::kill_signal, -uv::kill_signal});
    });
}
