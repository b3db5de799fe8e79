// The programs are this one, of which a test case is what runs: there is no other that every system has.

#include <aio/io/pipeline.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>

#include "io/stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/own_program.hpp"

using namespace aio;
using namespace aio::test;
using namespace aio::subprocess;

TEST_CASE("pipeline: program that hands its input on" * doctest::skip()) {
    char memory[4096];
    while (const std::size_t count = std::fread(memory, 1, sizeof memory, stdin))
        std::fwrite(memory, 1, count, stdout);
}

TEST_CASE("pipeline: program that counts its input" * doctest::skip()) {
    long count = 0;
    while (std::getchar() != EOF) ++count;
    std::printf("%ld", count);
    std::fflush(stdout);
    std::exit(5);
}

namespace {

Command program(const std::string& which) { return Command(own_program("pipeline: program that " + which)); }

} // namespace

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
        for (int i = 0; i < 2; ++i) commands.push_back(program("hands its input on"));
        Pipeline pipeline =
            co_await create_pipeline(SubprocessOptions().stdin_from(PIPE).stdout_to(PIPE), commands);
        pipeline.kill();
        const std::vector<int> codes = co_await pipeline.wait();
        CHECK(codes == std::vector<int>{-uv::kill_signal, -uv::kill_signal});
    });
}
