#include <aio/io/subprocess.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/io/pipeline.hpp>
#include <aio/io/stream_connection.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/uv/descriptor.hpp>

#include "executors/patience.hpp"
#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace aio::subprocess;
using io_test::bytes;
using io_test::error_of;
using io_test::Folder;
using io_test::read_all;

namespace {

SubprocessOptions piped() { return SubprocessOptions().stdin_from(PIPE).stdout_to(PIPE).stderr_to(PIPE); }

bool runs(int pid) { return ::kill(pid, 0) == 0; }

} // namespace

TEST_CASE("rule 96: a program that is missing is an error of the call that creates the process") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const std::string error = co_await outcome(create_subprocess_exec("/no/such/program", "argument"));
        CHECK(error.find("run /no/such/program") != std::string::npos);
        CHECK(co_await error_of(create_subprocess_exec("aiouv-no-such-program")) ==
              std::errc::no_such_file_or_directory);
        SubprocessOptions elsewhere;
        elsewhere.cwd("/no/such/directory");
        const std::string directory = co_await outcome(create_subprocess_exec(elsewhere, "true"));
        CHECK(directory.find("/no/such/directory") != std::string::npos);
        const Folder folder;
        io_test::put(folder / "file", "no program");
        CHECK(co_await error_of(create_subprocess_exec((folder / "file").string())) ==
              std::errc::permission_denied);
        std::vector<std::string> none;
        CHECK(co_await outcome(create_subprocess_exec(SubprocessOptions(), none)) ==
              "create_subprocess_exec: no program is named");
    });
}

TEST_CASE("rule 96: the returncode is nothing, then the exit code or the signal, and an ended process takes "
          "no signal") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Process process = co_await create_subprocess_exec("sh", "-c", "exit 7");
        CHECK(process.pid() > 0);
        CHECK_FALSE(process.returncode().has_value());
        CHECK(co_await process.wait() == 7);
        CHECK(process.returncode() == 7);
        CHECK(co_await process.wait() == 7);
        try {
            process.terminate();
            FAIL("nothing was thrown");
        } catch (const std::system_error& e) {
            CHECK(e.code() == std::errc::no_such_process);
            CHECK(std::string(e.what()).find("(sh)") != std::string::npos);
        }

        Process sleeper = co_await create_subprocess_exec("sleep", "1000");
        sleeper.terminate();
        CHECK(co_await sleeper.wait() == -SIGTERM);
        Process other = co_await create_subprocess_exec("sleep", "1000");
        other.kill();
        CHECK(co_await other.wait() == -SIGKILL);
    });
}

TEST_CASE("rule 97: communicate feeds the input and reads both outputs, however much there is") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const std::string text = io_test::long_text(1'000'000);
        Process process = co_await create_subprocess_exec(piped(), "sh", "-c", "tee /dev/stderr; exit 3");
        const ProcessOutput output = co_await process.communicate(text);
        CHECK(output.stdout_data() == text);
        CHECK(output.stderr_data() == text);
        CHECK(output.returncode() == 3);
    });
}

TEST_CASE("rule 97: a process that does not want its input is no error, and what is no pipe gives nothing") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const std::string text = io_test::long_text(1'000'000);
        Process process = co_await create_subprocess_exec(
            SubprocessOptions().stdin_from(PIPE).stdout_to(DEVNULL).stderr_to(DEVNULL), "true");
        const ProcessOutput output = co_await process.communicate(text);
        CHECK_FALSE(output.stdout_data().has_value());
        CHECK_FALSE(output.stderr_data().has_value());
        CHECK(output.returncode() == 0);
        Process plain = co_await create_subprocess_exec(SubprocessOptions().stdin_from(DEVNULL), "true");
        CHECK(co_await outcome([](Process& p) -> Coro<> { co_await p.communicate("text"); }(plain)) ==
              "communicate: there is no pipe for the input of true");
        CHECK_THROWS_AS(static_cast<void>(plain.stdout_stream()), RuntimeError);
        CHECK(co_await plain.wait() == 0);
    });
}

TEST_CASE("rule 97: cancelling communicate or wait leaves the process running") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Process process = co_await create_subprocess_exec(piped(), "cat");
        Task<ProcessOutput> talk = create_task(process.communicate());
        Task<int> wait = create_task([&]() -> Coro<int> { co_return co_await process.wait(); });
        // cat gets the end of its input, so another that does not end is needed for the second half.
        co_await rounds(1);
        wait.cancel();
        CHECK(co_await outcome(wait) == "cancelled");
        const ProcessOutput output = co_await talk;
        CHECK(output.returncode() == 0);

        Process sleeper =
            co_await create_subprocess_exec(SubprocessOptions().stdout_to(PIPE), "sleep", "1000");
        Task<ProcessOutput> reading = create_task(sleeper.communicate());
        co_await rounds(3);
        reading.cancel();
        CHECK(co_await outcome(reading) == "cancelled");
        CHECK(runs(sleeper.pid()));
        CHECK_FALSE(sleeper.returncode().has_value());
        sleeper.kill();
        CHECK(co_await sleeper.wait() == -SIGKILL);
    });
}

TEST_CASE("rule 98: wait returns when the process has ended, also if another one holds its pipes") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Process process = co_await create_subprocess_exec(SubprocessOptions().stdout_to(PIPE), "sh", "-c",
                                                          "sleep 1000 & echo $!; exit 4");
        CHECK(co_await process.wait() == 4);
        const std::string line = co_await io_test::read_count(process.stdout_stream(), 2);
        ::kill(std::stoi(line), SIGKILL);
        co_await read_all(process.stdout_stream());
    });
}

TEST_CASE("rule 99: any number of tasks wait, and destroying the object kills the process") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        std::optional<Process> process(co_await create_subprocess_exec("sleep", "1000"));
        const auto wait = [&process]() -> Coro<int> { co_return co_await process->wait(); };
        Task<int> first = create_task(wait);
        Task<int> second = create_task(wait);
        co_await rounds(2);
        process->terminate();
        CHECK(co_await first == -SIGTERM);
        CHECK(co_await second == -SIGTERM);

        process.emplace(co_await create_subprocess_exec("sleep", "1000"));
        const int pid = process->pid();
        Task<int> third = create_task(wait);
        co_await rounds(2);
        process.reset();
        const std::string error = co_await outcome(third);
        CHECK(error.find("whose object has gone") != std::string::npos);
        // It is reaped by the loop.
        const auto deadline = std::chrono::steady_clock::now() + patience::limit;
        while (runs(pid) && std::chrono::steady_clock::now() < deadline)
            co_await sleep(std::chrono::milliseconds(1));
        CHECK_FALSE(runs(pid));
    });
}

TEST_CASE("subprocess: one that is detached outlives its object and its loop") {
    int pid = 0;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        Process process = co_await create_subprocess_exec("sleep", "1000");
        process.detach();
        pid = process.pid();
    });
    CHECK(runs(pid));
    ::kill(pid, SIGKILL);
}

TEST_CASE("subprocess: closing the loop kills what it runs, and leaves no zombie") {
    std::optional<Process> process;
    int pid = 0;
    {
        EventLoop loop;
        process.emplace(loop.run_until_complete(create_subprocess_exec("sleep", "1000")));
        pid = process->pid();
    }
    CHECK_FALSE(process->returncode().has_value());
    // A zombie would still have the number.
    CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("subprocess: streams are spoken to while the process runs") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Process process = co_await create_subprocess_exec(piped(), "cat");
        for (const char* word : {"one", "two", "three"}) {
            const std::string text = word;
            co_await process.stdin_stream().write_all(bytes(text));
            CHECK(co_await io_test::read_count(process.stdout_stream(), text.size()) == text);
        }
        process.stdin_stream().close();
        CHECK(co_await read_all(process.stdout_stream()) == "");
        CHECK(co_await process.wait() == 0);
    });
}

TEST_CASE("subprocess: errors of a pipe say whose it is, and which") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Process process = co_await create_subprocess_exec(piped(), "true");
        CHECK(co_await process.wait() == 0);
        const auto write = [&]() -> Coro<> { co_await process.stdin_stream().write_all(bytes("unheard")); };
        const std::string broken = co_await outcome(write());
        CHECK(broken.find("write to the input of true: broken pipe") != std::string::npos);
        process.stdout_stream().close();
        const std::string closed = co_await outcome(read_all(process.stdout_stream()));
        CHECK(closed.find("use of the output of true after close: ") != std::string::npos);
    });
}

TEST_CASE("subprocess: a child's input is ended by write_eof, by shutdown_write, and by close") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        for (const int way : {0, 1, 2}) {
            Process process = co_await create_subprocess_exec(piped(), "cat");
            const std::string text = io_test::long_text(500'000);
            auto reading = create_task([](PipeStream& s) { return io_test::read_all(s); },
                                       std::ref(process.stdout_stream()));
            if (way == 0) {
                StreamConnection input(std::move(process.stdin_stream()));
                input.writer.write(text);
                input.writer.write_eof();
                co_await input.writer.wait_closed();
            } else {
                co_await process.stdin_stream().write_all(bytes(text));
                if (way == 1) co_await process.stdin_stream().shutdown_write();
                if (way == 2) process.stdin_stream().close();
            }
            const std::string echoed = co_await reading;
            CHECK((echoed == text));
            CHECK(co_await process.wait() == 0);
        }
    });
}

TEST_CASE("subprocess: directory, environment and the joining of errors and output are as asked") {
    ::setenv("AIOUV_OURS", "ours", 1);
    run_in_real_time([](EventLoop&) -> Coro<> {
        SubprocessOptions options;
        options.cwd("/").stdout_to(PIPE).stderr_to(STDOUT).set_env("AIOUV_NEW", "new");
        Process process = co_await create_subprocess_shell(
            "pwd; echo $AIOUV_OURS $AIOUV_NEW; echo error >&2; exit 5", options);
        const ProcessOutput output = co_await process.communicate();
        CHECK(output.stdout_data() == "/\nours new\nerror\n");
        CHECK(output.returncode() == 5);
        std::map<std::string, std::string> variables;
        variables.emplace("PATH", "/usr/bin:/bin");
        variables.emplace("ONLY", "this");
        SubprocessOptions whole;
        whole.stdout_to(PIPE).env(variables);
        Process env = co_await create_subprocess_exec(whole, "env");
        const ProcessOutput lines = co_await env.communicate();
        CHECK(lines.stdout_data() == "ONLY=this\nPATH=/usr/bin:/bin\n");
        variables["PATH"] = "/no/such";
        SubprocessOptions nowhere;
        nowhere.env(variables);
        CHECK(co_await error_of(create_subprocess_exec(nowhere, "env")) ==
              std::errc::no_such_file_or_directory);
        const auto wrong =
            co_await outcome(create_subprocess_exec(SubprocessOptions().stdout_to(STDOUT), "true"));
        CHECK(wrong == "only the error stream of a process can go where its output goes");
    });
    ::unsetenv("AIOUV_OURS");
}

// What a process has, and whether it is a zombie, is looked up in /proc.
#if defined(__linux__)
TEST_CASE("subprocess: a child gets its own streams, of this process's descriptors none") {
    const Folder folder;
    // One that the system would hand on.
    const uv::Descriptor leak(::open((folder / "leak").c_str(), O_CREAT | O_RDWR, 0600));
    const uv::Descriptor out(::open((folder / "out").c_str(), O_CREAT | O_RDWR, 0600));
    REQUIRE(leak.valid());
    run_in_real_time([&](EventLoop&) -> Coro<> {
        SubprocessOptions options;
        options.stdin_from(DEVNULL).stdout_to(Redirect::descriptor(out.get())).stderr_to(DEVNULL);
        Process process = co_await create_subprocess_exec(options, "ls", "/proc/self/fd");
        CHECK(co_await process.wait() == 0);
    });
    // The last is the directory that ls reads.
    CHECK(io_test::get(folder / "out") == "0\n1\n2\n3\n");
}
#endif

TEST_CASE("subprocess: streams may change places") {
    const Folder folder;
    const uv::Descriptor saved_out(::dup(1));
    const uv::Descriptor saved_err(::dup(2));
    const uv::Descriptor one(::open((folder / "one").c_str(), O_CREAT | O_RDWR, 0600));
    const uv::Descriptor two(::open((folder / "two").c_str(), O_CREAT | O_RDWR, 0600));
    int returncode = -1;
    ::dup2(one.get(), 1);
    ::dup2(two.get(), 2);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        SubprocessOptions options;
        options.stdout_to(Redirect::descriptor(2)).stderr_to(Redirect::descriptor(1));
        Process process = co_await create_subprocess_exec(options, "sh", "-c", "echo out; echo err >&2");
        returncode = co_await process.wait();
    });
    ::dup2(saved_out.get(), 1);
    ::dup2(saved_err.get(), 2);
    CHECK(returncode == 0);
    CHECK(io_test::get(folder / "two") == "out\n");
    CHECK(io_test::get(folder / "one") == "err\n");
}

TEST_CASE("subprocess: many at once") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const auto one = [](int i) -> Coro<int> {
            Process process =
                co_await create_subprocess_exec(piped(), "sh", "-c", "cat; exit $0", std::to_string(i));
            const ProcessOutput output = co_await process.communicate(std::to_string(i));
            CHECK(output.stdout_data() == std::to_string(i));
            co_return output.returncode();
        };
        std::vector<Coro<int>> all;
        for (int i = 0; i < 30; ++i) all.push_back(one(i));
        const std::vector<int> codes = co_await gather(std::move(all));
        for (int i = 0; i < 30; ++i) CHECK(codes[static_cast<std::size_t>(i)] == i);
    });
}

TEST_CASE("subprocess: a pipeline hands the bytes on from program to program") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        std::vector<Command> commands;
        commands.emplace_back("sort");
        commands.emplace_back("uniq");
        commands.emplace_back("sh", "-c", "cat; exit 9");
        Pipeline pipeline =
            co_await create_pipeline(SubprocessOptions().stdin_from(PIPE).stdout_to(PIPE), commands);
        CHECK(pipeline.processes().size() == 3);
        const PipelineOutput output = co_await pipeline.communicate("b\na\nb\n");
        CHECK(output.stdout_data() == "a\nb\n");
        CHECK(output.returncodes() == std::vector<int>{0, 0, 9});

        std::vector<Command> endless;
        endless.emplace_back("yes");
        endless.emplace_back("head", "-n", "2");
        Pipeline cut = co_await create_pipeline(SubprocessOptions().stdout_to(PIPE), endless);
        const PipelineOutput lines = co_await cut.communicate();
        CHECK(lines.stdout_data() == "y\ny\n");
        CHECK(lines.returncodes() == std::vector<int>{-SIGPIPE, 0});

        endless.emplace_back("/no/such/program");
        const std::string error =
            co_await outcome(create_pipeline(SubprocessOptions().stdout_to(PIPE), endless));
        CHECK(error.find("run /no/such/program") != std::string::npos);
        CHECK(co_await outcome(create_pipeline(SubprocessOptions(), std::vector<Command>())) ==
              "create_pipeline: no commands");
        CHECK(co_await outcome(create_pipeline(SubprocessOptions().stderr_to(PIPE), commands)) ==
              "create_pipeline: errors to a pipe: each program would need one of its own");
    });
}

TEST_CASE("rule 82: a process belongs to the loop it was started in") {
    EventLoop first;
    EventLoop second;
    Process process = first.run_until_complete(create_subprocess_exec("sleep", "1000"));
    const auto wait = [&]() -> Coro<int> { co_return co_await process.wait(); };
    CHECK_THROWS_AS(second.run_until_complete(wait()), RuntimeError);
    process.kill();
    CHECK(first.run_until_complete(wait()) == -SIGKILL);
}
