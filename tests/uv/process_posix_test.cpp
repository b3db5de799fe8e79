#include <aio/uv/process.hpp>

#include <csignal>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>

#include <poll.h>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/loop.hpp>
#include <aio/uv/pipe.hpp>

#include "byte_reader.hpp"
#include "run_until.hpp"

namespace uv = aio::uv;
using uv_test::bytes;
using uv_test::Noted;
using uv_test::Reader;
using uv_test::run_until;

TEST_CASE("uv process: the exit code is told") {
    uv::Loop loop;
    Noted exited;
    uv::Process process(loop, uv::ProcessOptions({"sh", "-c", "exit 7"}), exited);
    CHECK(process.pid() > 0);
    run_until(loop, [&] { return exited.calls == 1; });
    CHECK(process.has_exited());
    CHECK(process.exit_code() == 7);
    CHECK(process.term_signal() == 0);
    CHECK(process.kill(SIGTERM) == UV_ESRCH);
}

TEST_CASE("uv process: kill ends it, and the signal is told") {
    uv::Loop loop;
    Noted exited;
    uv::Process process(loop, uv::ProcessOptions({"sleep", "1000"}), exited);
    CHECK(process.kill(SIGTERM) == 0);
    run_until(loop, [&] { return exited.calls == 1; });
    CHECK(process.term_signal() == SIGTERM);
}

TEST_CASE("uv process: environment, directory and standard streams are as asked") {
    uv::Loop loop;
    uv::Pipe in(loop);
    uv::Pipe out(loop);
    Noted exited;
    uv::ProcessOptions options(
        {"/bin/sh", "-c", "read line; echo \"$line $NAME $(pwd) ${HOME-none}\"; exit 3"});
    options.environment({"NAME=value", "PATH=/usr/bin:/bin"})
        .directory("/")
        .stdio({uv::Stdio::read_from(in), uv::Stdio::write_to(out)});
    uv::Process process(loop, options, exited);
    Reader reader;
    out.set_reader(reader);
    out.start_reading();
    CHECK(in.try_write(bytes("text\n")) == 5);
    run_until(loop, [&] { return exited.calls == 1 && reader.over; });
    CHECK(reader.text == "text value / none\n");
    CHECK(process.exit_code() == 3);
}

TEST_CASE("uv process: a child gets SIGPIPE's default action back") {
    uv::Loop loop;
    uv::Pipe out(loop);
    Noted exited;
    uv::ProcessOptions options({"sh", "-c", "kill -PIPE $$; exit 0"});
    uv::Process process(loop, options, exited);
    run_until(loop, [&] { return exited.calls == 1; });
    CHECK(process.term_signal() == SIGPIPE);
}

TEST_CASE("uv process: a program that does not exist is an error that names it") {
    uv::Loop loop;
    Noted exited;
    try {
        uv::Process process(loop, uv::ProcessOptions({"/no/such/program"}), exited);
        FAIL("nothing was thrown");
    } catch (const std::system_error& e) {
        CHECK(e.code() == std::errc::no_such_file_or_directory);
        CHECK(std::string(e.what()).find("/no/such/program") != std::string::npos);
    }
    CHECK_THROWS_AS(uv::Process(loop, uv::ProcessOptions({}), exited), std::system_error);
    loop.run();
    CHECK(exited.calls == 0);
}

TEST_CASE("uv process: a child whose pipe is in use already is an error, and does not live") {
    uv::Loop loop;
    uv::PipeEnds ends = uv::make_pipe();
    uv::PipeEnds used = uv::make_pipe();
    uv::Pipe out(loop, std::move(used.read));
    Noted exited;
    uv::ProcessOptions options({"sleep", "1000"});
    options.stdio({uv::Stdio::inherit(ends.read.get()), uv::Stdio::write_to(out)});
    CHECK_THROWS_AS(uv::Process(loop, options, exited), std::system_error);
    // Nobody has the reading end any more.
    ends.read.close();
    pollfd writing{ends.write.get(), POLLOUT, 0};
    CHECK(::poll(&writing, 1, 0) == 1);
    CHECK((writing.revents & POLLERR) != 0);
}

TEST_CASE("uv process: a child that is let go is still reaped, and nobody is called") {
    uv::Loop loop;
    uv::Pipe in(loop);
    Noted exited;
    std::optional<uv::Process> process;
    uv::ProcessOptions options({"cat"});
    options.stdio({uv::Stdio::read_from(in)});
    process.emplace(loop, options, exited);
    const int pid = process->pid();
    process.reset();
    in.close();
    run_until(loop, [&] {
        // Once reaped the number is free.
        return uv_kill(pid, 0) == UV_ESRCH;
    });
    CHECK(exited.calls == 0);
}

TEST_CASE("uv process: a loop may be destroyed before its children") {
    Noted exited;
    int pid = 0;
    {
        uv::Loop loop;
        uv::Process process(loop, uv::ProcessOptions({"sleep", "1000"}), exited);
        pid = process.pid();
    }
    CHECK(uv_kill(pid, SIGKILL) == 0);
    CHECK(exited.calls == 0);
}
