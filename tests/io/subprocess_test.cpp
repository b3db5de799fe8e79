// The programs are this one, of which a test case is what runs: there is no other that every system has.

#include <aio/io/subprocess.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/pipeline.hpp>
#include <aio/structure/wait_for.hpp>

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

TEST_CASE(
    "rule 97: communicate takes what is left: of an input that is closed, after a time-out, and again") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const SubprocessOptions options =
            SubprocessOptions().stdin_from(PIPE).stdout_to(PIPE).stderr_to(PIPE);
        Process written = co_await create_subprocess_exec(options, program("hands its input on").arguments());
        co_await written.stdin_stream().write_all(std::as_bytes(std::span("text", 4)));
        written.stdin_stream().close();
        CHECK(co_await outcome(written.communicate("more")) ==
              "communicate: the input of " + program("hands its input on").arguments()[0] +
                  " is closed already");
        const ProcessOutput first = co_await written.communicate();
        CHECK(first.stdout_data() == "text");
        const ProcessOutput again = co_await written.communicate();
        CHECK(again.stdout_data() == "");
        CHECK(again.stderr_data() == "");
        CHECK(again.returncode() == 0);

        Process slow = co_await create_subprocess_exec(options, program("never ends").arguments());
        CHECK(co_await outcome(wait_for(slow.communicate(), std::chrono::milliseconds(5))) == "timeout");
        slow.kill();
        const ProcessOutput rest = co_await slow.communicate();
        CHECK(rest.stdout_data() == "");
        CHECK(rest.returncode() == -uv::kill_signal);
    });
}

TEST_CASE("subprocess: communicate ends when one of the pipes is in use, and leaves the process running") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        const SubprocessOptions options = SubprocessOptions().stdout_to(PIPE).stderr_to(PIPE);
        Process process = co_await create_subprocess_exec(options, program("never ends").arguments());
        const auto read = [&]() -> Coro<> {
            std::vector<std::byte> memory(10);
            static_cast<void>(co_await process.stdout_stream().read_some(memory));
        };
        Task<> reader = loop.create_task(read());
        co_await rounds(2);
        bool refused = false;
        try {
            static_cast<void>(co_await process.communicate());
        } catch (const RuntimeError&) {
            refused = true;
        }
        CHECK(refused);
        CHECK_FALSE(reader.done());
        CHECK(all_tasks().size() == 2);
        process.kill();
        co_await reader;
        CHECK(co_await process.wait() == -uv::kill_signal);
    });
}

TEST_CASE("subprocess: who works with a process or a pipeline whose object goes gets operation_canceled") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        const auto canceled = [](auto coroutine) -> Coro<bool> {
            bool result = false;
            try {
                static_cast<void>(co_await std::move(coroutine));
            } catch (const std::system_error& error) {
                result = error.code() == std::errc::operation_canceled;
            }
            co_return result;
        };
        SubprocessOptions options;
        options.stdin_from(PIPE).stdout_to(PIPE);
        std::vector<Command> commands;
        for (int i = 0; i < 2; ++i) commands.push_back(program("never ends"));
        std::optional<Process> process =
            co_await create_subprocess_exec(options, program("never ends").arguments());
        std::optional<Process> awaited =
            co_await create_subprocess_exec(options, program("never ends").arguments());
        std::optional<Pipeline> pipeline = co_await create_pipeline(options, commands);
        std::optional<Pipeline> other = co_await create_pipeline(options, commands);
        auto late = awaited->wait();
        std::vector<Task<bool>> tasks;
        tasks.push_back(loop.create_task(canceled(process->communicate(io_test::long_text(1'000'000)))));
        tasks.push_back(loop.create_task(canceled(process->wait())));
        tasks.push_back(loop.create_task(canceled(pipeline->communicate(io_test::long_text(1'000'000)))));
        tasks.push_back(loop.create_task(canceled(pipeline->wait())));
        // Here the first program's end has been seen, and that of the second is waited for.
        tasks.push_back(loop.create_task(canceled(other->wait())));
        other->processes()[0].kill();
        static_cast<void>(co_await other->processes()[0].wait());
        co_await rounds(3);
        process.reset();
        awaited.reset();
        pipeline.reset();
        other.reset();
        for (Task<bool>& task : tasks) CHECK(co_await task);
        const bool of_no_object = co_await canceled(std::move(late));
        CHECK(of_no_object);
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
