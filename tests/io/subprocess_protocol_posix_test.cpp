#include <aio/io/subprocess_protocol.hpp>

#include <algorithm>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <doctest/doctest.h>

#include "executors/patience.hpp"
#include "io/file_help.hpp"
#include "io/protocol_help.hpp"
#include "support/conformance.hpp"

using namespace aio;
using namespace aio::test;
using namespace aio::subprocess;
using namespace io_test;

namespace {

/// Writes its calls down; what comes from a pipe as a whole, when that is closed.
class Child final : public SubprocessProtocol {
public:
    explicit Child(Calls& calls) : calls_(calls) {}
    void connection_made(SubprocessTransport& t) override {
        transport = &t;
        note("made");
    }
    void pipe_data_received(int fd, std::span<const std::byte> data) override {
        texts_[fd] += text_of(data);
        if (on_data) on_data();
    }
    void pipe_connection_lost(int fd, std::exception_ptr error) override {
        note(std::to_string(fd) + (error ? " broken: " : " closed: ") + texts_[fd]);
    }
    void process_exited() override { note("exited: " + std::to_string(transport->get_returncode().value())); }
    void connection_lost(std::exception_ptr error) override { note("lost: " + test::text_of(error)); }
    void pause_writing() override { note("pause"); }
    void resume_writing() override { note("resume"); }

    SubprocessTransport* transport = nullptr;
    std::function<void()> on_data;

private:
    void note(const std::string& text) { calls_.push_back(text); }
    Calls& calls_;
    std::string texts_[3];
};

SubprocessOptions piped() { return SubprocessOptions().stdin_from(PIPE).stdout_to(PIPE).stderr_to(PIPE); }

bool has(const Calls& calls, const std::string& call) {
    return std::find(calls.begin(), calls.end(), call) != calls.end();
}

} // namespace

TEST_CASE(
    "rule 99: a process's protocol gets what comes from its pipes, their ends, its end, and the loss last") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        const auto make = [&calls] { return std::make_unique<Child>(calls); };
        const SubprocessOptions options = piped();
        auto [transport, protocol] =
            co_await subprocess_shell(make, "read line; echo got $line; echo bad >&2; exit 3", options);
        CHECK(joined(calls) == "made");
        CHECK(transport.get_pid() > 0);
        CHECK_FALSE(transport.get_returncode().has_value());
        REQUIRE(transport.get_pipe_transport(0) != nullptr);
        CHECK(transport.get_pipe_transport(3) == nullptr);
        transport.get_pipe_transport(0)->write("it\n");
        co_await until([&] { return calls.back().starts_with("lost"); });
        CHECK(calls.size() == 6);
        CHECK(calls.front() == "made");
        CHECK(has(calls, "0 closed: "));
        CHECK(has(calls, "1 closed: got it\n"));
        CHECK(has(calls, "2 closed: bad\n"));
        CHECK(has(calls, "exited: 3"));
        CHECK(calls.back() == "lost: none");
        CHECK(transport.get_returncode() == 3);
        CHECK(thrown_by([&t = transport] { t.terminate(); }).starts_with("send signal 15 to process"));
    });
}

TEST_CASE("rule 99: closing a process's transport kills the process, and connection_lost waits for its end") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        const auto make = [&calls] { return std::make_unique<Child>(calls); };
        const SubprocessOptions options = piped();
        auto connection = co_await subprocess_exec(make, options, "sleep", "1000");
        connection.transport().close();
        connection.transport().close();
        CHECK(connection.transport().is_closing());
        co_await until([&] { return calls.back().starts_with("lost"); });
        CHECK(has(calls, "exited: -9"));
        CHECK(calls.size() == 6);
    });
}

TEST_CASE("a process without pipes is told of, and gets signals") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        const auto make = [&calls] { return std::make_unique<Child>(calls); };
        auto connection = co_await subprocess_exec(make, SubprocessOptions(), "sleep", "1000");
        CHECK(connection.transport().get_pipe_transport(1) == nullptr);
        connection.transport().terminate();
        co_await until([&] { return calls.back().starts_with("lost"); });
        CHECK(joined(calls) == "made; exited: -15; lost: none");
    });
}

TEST_CASE("a protocol is paused when its process does not read its input") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        const auto make = [&calls] { return std::make_unique<Child>(calls); };
        const SubprocessOptions options = piped();
        auto connection = co_await subprocess_shell(make, "read go; wc -c", options);
        const std::string text(1'000'000, 'x');
        Transport& input = *connection.transport().get_pipe_transport(0);
        input.write(text);
        CHECK(calls.back() == "pause");
        input.write("\n");
        input.write(text);
        input.close();
        co_await until([&] { return calls.back().starts_with("lost"); });
        CHECK(has(calls, "resume"));
        CHECK(has(calls, "0 closed: "));
        CHECK(std::any_of(calls.begin(), calls.end(), [](const std::string& call) {
            return call.starts_with("1 closed: ") && call.find("1000000") != std::string::npos;
        }));
    });
}

TEST_CASE("what pipe_data_received throws is reported and closes that pipe") {
    TestLoop test(SteadyClock::instance());
    Calls calls;
    test.loop.run_until_complete([](Calls& told) -> Coro<> {
        const auto make = [&told] {
            auto protocol = std::make_unique<Child>(told);
            protocol->on_data = [] { throw ValueError("thrown"); };
            return protocol;
        };
        const SubprocessOptions options = piped();
        auto connection = co_await subprocess_shell(make, "echo x", options);
        co_await until([&] { return told.back().starts_with("lost"); });
    }(calls));
    CHECK(has(calls, "1 broken: x\n"));
    CHECK(joined(test.reports) == "Fatal error: protocol.data_received() call failed.: thrown");
}

TEST_CASE("a program that is missing is an error of subprocess_exec, and its protocol is told nothing") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        const auto make = [&calls] { return std::make_unique<Child>(calls); };
        const SubprocessOptions options = piped();
        const std::error_code code = co_await error_of(subprocess_exec(make, options, "/no/such/program"));
        CHECK(code == std::errc::no_such_file_or_directory);
        co_await turn();
        CHECK(calls.empty());
    });
}

// Whether a process is a zombie is looked up in /proc.
#if defined(__linux__)
TEST_CASE("a process ends with its protocol, and with its loop") {
    int pids[2] = {0, 0};
    Calls calls;
    {
        TestLoop test(SteadyClock::instance());
        const auto body = [&]() -> Coro<> {
            auto protocol = std::make_unique<Child>(calls);
            const auto give = [&protocol]() -> Child& { return *protocol; };
            const SubprocessOptions options = piped();
            auto first = co_await subprocess_exec(give, options, "sleep", "1000");
            pids[0] = first.transport().get_pid();
            protocol.reset();
            const auto make = [&calls] { return std::make_unique<Child>(calls); };
            auto second = co_await subprocess_exec(make, options, "sleep", "1000");
            pids[1] = second.transport().get_pid();
            throw SystemExit();
        };
        CHECK_THROWS_AS(test.loop.run_until_complete(body()), SystemExit);
    }
    CHECK(joined(calls) == "made; made");
    // Nobody has waited for them, so what remains may be a zombie.
    for (const int pid : pids) {
        CHECK(patience::until([pid] {
            return ::kill(pid, 0) != 0 ||
                   get("/proc/" + std::to_string(pid) + "/stat").find(") Z") != std::string::npos;
        }));
    }
}
#endif

TEST_CASE("subprocess_exec is cancelled, and closed with the loop, as everything") {
    const auto run_true = [](Gate&) -> Coro<int> {
        const auto calls = std::make_shared<Calls>();
        const auto protocol = std::make_shared<Child>(*calls);
        const auto give = [protocol]() -> Child& { return *protocol; };
        auto connection = co_await subprocess_exec(give, SubprocessOptions(), "true");
        co_return static_cast<int>(calls->size()) + 6;
    };
    check_conformance("subprocess_exec", 7, run_true, true);
}
