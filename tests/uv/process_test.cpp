// The child is this program itself: there is no other that every system has.

#include <aio/uv/process.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/loop.hpp>
#include <aio/uv/pipe.hpp>

#include "byte_reader.hpp"
#include "run_until.hpp"
#include "support/own_program.hpp"

namespace uv = aio::uv;
using uv_test::bytes;
using uv_test::Noted;
using uv_test::Reader;
using uv_test::run_until;

TEST_CASE("uv process: child that exits with 7" * doctest::skip()) { std::exit(7); }

TEST_CASE("uv process: child that tells what it finds" * doctest::skip()) {
    std::string line;
    std::getline(std::cin, line);
    const char* const name = std::getenv("AIOUV_NAME");
    const auto directory = std::filesystem::current_path();
    std::fprintf(stderr, "%s %s %s", line.c_str(), name != nullptr ? name : "none",
                 directory == directory.root_path() ? "root" : "elsewhere");
    std::exit(3);
}

TEST_CASE("uv process: child that ends with its input" * doctest::skip()) {
    std::string line;
    while (std::getline(std::cin, line)) {
    }
}

TEST_CASE("uv process: child that writes to both" * doctest::skip()) {
    std::fprintf(stdout, "output, ");
    std::fflush(stdout);
    std::fprintf(stderr, "errors");
}

namespace {

std::vector<std::string> child(const std::string& test_case) {
    return aio::test::own_program("uv process: child that " + test_case);
}

} // namespace

TEST_CASE("uv process: a program's exit code is told") {
    uv::Loop loop;
    Noted exited;
    uv::Process process(loop, uv::ProcessOptions(child("exits with 7")), exited);
    CHECK(process.pid() > 0);
    CHECK(!process.has_exited());
    run_until(loop, [&] { return exited.calls == 1; });
    CHECK(process.has_exited());
    CHECK(process.exit_code() == 7);
    CHECK(process.term_signal() == 0);
    CHECK(process.kill(SIGTERM) == UV_ESRCH);
}

TEST_CASE("uv process: a program gets the environment, directory and standard streams that were asked for") {
    uv::Loop loop;
    uv::Pipe in(loop);
    uv::Pipe error(loop);
    Noted exited;
    uv::ProcessOptions options(child("tells what it finds"));
    options.environment({"AIOUV_NAME=value"})
        .directory("/")
        .stdio({uv::Stdio::read_from(in), uv::Stdio(), uv::Stdio::write_to(error)});
    uv::Process process(loop, options, exited);
    Reader reader;
    error.set_reader(reader);
    error.start_reading();
    CHECK(in.queue(bytes("text\n")) == 0);
    run_until(loop, [&] { return exited.calls == 1 && reader.over; });
    CHECK(reader.text == "text value root");
    CHECK(process.exit_code() == 3);
}

TEST_CASE("uv process: errors may go where the output goes") {
    uv::Loop loop;
    uv::Pipe out(loop);
    Noted exited;
    uv::ProcessOptions options(child("writes to both"));
    options.stdio({uv::Stdio(), uv::Stdio::write_to(out), uv::Stdio::same_as(1)});
    uv::Process process(loop, options, exited);
    Reader reader;
    out.set_reader(reader);
    out.start_reading();
    run_until(loop, [&] { return exited.calls == 1 && reader.over; });
    CHECK(reader.text == "output, errors");
    CHECK(process.exit_code() == 0);
    const auto run = [&] {
        uv::Process never(loop, uv::ProcessOptions(child("exits with 7")).stdio({uv::Stdio::same_as(0)}),
                          exited);
    };
    CHECK_THROWS_AS(run(), std::system_error);
}

TEST_CASE("uv process: a program that is killed tells the signal") {
    uv::Loop loop;
    uv::Pipe in(loop);
    Noted exited;
    uv::ProcessOptions options(child("ends with its input"));
    options.stdio({uv::Stdio::read_from(in)});
    uv::Process process(loop, options, exited);
    CHECK(process.kill(SIGTERM) == 0);
    run_until(loop, [&] { return exited.calls == 1; });
    CHECK(process.term_signal() == SIGTERM);
}

TEST_CASE("uv process: a program that is let go runs on, and nobody is called when it ends") {
    uv::Loop loop;
    uv::Pipe in(loop);
    Noted exited;
    std::optional<uv::Process> process;
    uv::ProcessOptions options(child("ends with its input"));
    options.stdio({uv::Stdio::read_from(in)});
    process.emplace(loop, options, exited);
    const int pid = process->pid();
    process.reset();
    CHECK(uv_kill(pid, 0) == 0);
    in.close();
    run_until(loop, [&] { return uv_kill(pid, 0) == UV_ESRCH; });
    CHECK(exited.calls == 0);
}

TEST_CASE("uv process: nothing to run is an error that says what was to be run") {
    uv::Loop loop;
    Noted exited;
    try {
        uv::Process process(loop, uv::ProcessOptions({"./no_such_program"}), exited);
        FAIL("nothing was thrown");
    } catch (const std::system_error& e) {
        CHECK((e.code() == std::errc::no_such_file_or_directory));
        CHECK(std::string(e.what()).find("./no_such_program") != std::string::npos);
    }
    CHECK_THROWS_AS(uv::Process(loop, uv::ProcessOptions({}), exited), std::system_error);
    loop.run();
    CHECK(exited.calls == 0);
}
