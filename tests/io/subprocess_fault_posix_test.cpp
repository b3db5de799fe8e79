#include <aio/io/subprocess.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/pipeline.hpp>
#include <aio/structure/run.hpp>

#include "executors/process_help_posix.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/no_descriptors_posix.hpp"

using namespace aio;
using namespace aio::test;
using aio::subprocess::PIPE;

TEST_CASE("subprocess: what no program can be given is refused, with its name") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const std::string cut("a\0b", 3);
        CHECK(co_await outcome(create_subprocess_exec("true", cut)) ==
              "null character in the argument \"a\\0b\"");
        CHECK(co_await outcome(create_subprocess_exec(SubprocessOptions().set_env("NAME", cut), "true")) ==
              "null character in the environment variable \"NAME=a\\0b\"");
        CHECK(co_await outcome(create_subprocess_exec(SubprocessOptions().set_env("A=B", "c"), "true")) ==
              "illegal name of a variable of the environment: \"A=B\"");
        CHECK(co_await outcome(create_subprocess_exec(SubprocessOptions().set_env("", "c"), "true")) ==
              "illegal name of a variable of the environment: \"\"");
        // As a failed open gives it.
        const SubprocessOptions nowhere = SubprocessOptions().stdout_to(Redirect::descriptor(-1));
        CHECK(co_await outcome(create_subprocess_exec(nowhere, "true")) ==
              "a process cannot be given descriptor -1");
    });
}

TEST_CASE("subprocess: an error that libuv does not know is told as the system tells it") {
    const processes::Folder folder;
    const std::string script = folder.file("script");
    std::ofstream(script) << "echo no interpreter is named\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        bool format = false;
        std::string text;
        try {
            static_cast<void>(co_await create_subprocess_exec(script));
        } catch (const std::system_error& error) {
            format = error.code() == std::errc::executable_format_error;
            text = error.what();
        }
        CHECK(format);
        CHECK(text == "run " + script + ": " + std::generic_category().message(ENOEXEC));
    });
}

TEST_CASE("subprocess: for want of descriptors a program cannot be run, which is named") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        // What is opened the first time.
        Process before = co_await create_subprocess_exec(SubprocessOptions().stdout_to(PIPE), "true");
        CHECK(co_await before.wait() == 0);
        std::string refused;
        {
            const NoDescriptors none;
            refused = co_await outcome(create_subprocess_exec(SubprocessOptions().stdout_to(PIPE), "true"));
        }
        CHECK(refused.find("run true: too many open files") != std::string::npos);
    });
}

TEST_CASE("subprocess: one that goes while somebody communicates with it ends that") {
    for (const bool with_input : {false, true}) {
        for (int rounds_before = 0; rounds_before < 4; ++rounds_before) {
            CAPTURE(with_input);
            CAPTURE(rounds_before);
            run_in_real_time([&](EventLoop& loop) -> Coro<> {
                std::optional<Process> process = co_await create_subprocess_exec(
                    SubprocessOptions().stdin_from(PIPE).stdout_to(PIPE), "sleep", "100");
                const auto talk = [&]() -> Coro<> {
                    Coro<ProcessOutput> output = process->communicate(with_input ? "input" : "");
                    static_cast<void>(co_await std::move(output));
                };
                Task<> talking = loop.create_task(talk());
                // It has to be asked before it goes.
                for (int i = 0; i <= rounds_before; ++i) co_await sleep(std::chrono::seconds(0));
                process.reset();
                const std::error_code how = co_await io_test::error_of(talking);
                CHECK(how == std::errc::operation_canceled);
            });
        }
    }
}

TEST_CASE("subprocess: a pipeline whose output is not waited for any more reports nothing") {
    TestLoop test(SteadyClock::instance());
    test.loop.run_until_complete([](EventLoop& loop) -> Coro<> {
        std::vector<Command> commands;
        commands.emplace_back("sleep", "100");
        commands.emplace_back("cat");
        Pipeline pipeline = co_await create_pipeline(SubprocessOptions().stdout_to(PIPE), commands);
        const auto read = [&]() -> Coro<> { static_cast<void>(co_await pipeline.communicate()); };
        Task<> reading = loop.create_task(read());
        co_await rounds(3);
        reading.cancel();
        CHECK(co_await outcome(reading) == "cancelled");
    }(test.loop));
    CHECK(test.reports.empty());
}

TEST_CASE("subprocess: where SIGCHLD is ignored the end is told, but not how it ended") {
    CHECK(processes::in_child([] {
              std::signal(SIGCHLD, SIG_IGN);
              int right = 0;
              run([&]() -> Coro<> {
                  // In some of these the child has gone before it can be watched.
                  for (int i = 0; i < 200; ++i) {
                      Process process = co_await create_subprocess_exec("true");
                      right += co_await process.wait() == 255 ? 1 : 0;
                  }
              });
              return right == 200 ? 0 : 1;
          }) == 0);
}

TEST_CASE("subprocess: a daemon that has closed its standard streams can start programs and close its loop") {
    for (const int closed : {0, 1, 2, 3})
        CHECK(processes::in_child([&] {
                  for (int number = 0; number < 3; ++number)
                      if (closed == number || closed == 3) ::close(number);
                  int code = -1;
                  run([&]() -> Coro<> {
                      Process process = co_await create_subprocess_exec("true");
                      code = co_await process.wait();
                  });
                  return code;
              }) == 0);
}
