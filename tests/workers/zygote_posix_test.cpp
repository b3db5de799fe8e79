#include "worker_driver_posix.hpp"

#include <aio/core/errors.hpp>
#include <aio/workers/process_setup_posix.hpp>
#include <aio/workers/worker_main_posix.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

namespace {

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        ++count;
    }
    return count;
}

int add(int a, int b) { return a + b; }

void spin_for_ever() {
    std::atomic<unsigned> turns = 0;
    for (;;) {
        ++turns;
    }
}

std::string process_name(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    std::getline(file, name);
    return name;
}

/// True when the process of this pidfd has ended in time.
bool ends(const aio::uv::Descriptor& pidfd) { return driver::wait_readable(pidfd.get()); }

/// By fork where that is allowed: other tests of this program may have left threads behind.
driver::Zygote start_zygote() {
    if (aio::detail::count_threads() > aio::detail::forkable_threads()) {
        return driver::Zygote(aio::start_zygote_by_exec());
    }
    return driver::Zygote(aio::start_zygote_by_fork());
}

} // namespace

TEST_CASE("zygote: workers greet and run calls, arguments and results of any size") {
    driver::Zygote zygote = start_zygote();
    CHECK(zygote.wait<aio::ZygoteReady>().pid == zygote.client.pid());
    driver::Worker first(zygote, 1);
    driver::Worker second(zygote, 2);
    CHECK(first.hello.type == aio::FrameType::hello);
    CHECK(aio::decode_all<aio::WorkerHello>(first.hello.payload).pid == first.pid());
    CHECK(first.ready.type == aio::FrameType::ready);
    CHECK(first.pid() != second.pid());
    CHECK(first.call(add, 1, 2) == 3);
    CHECK(second.call([](int x) { return 2 * x; }, 21) == 42);
    CHECK(first.call([] { return static_cast<int>(getpid()); }) == first.pid());
    std::vector<std::string> texts(1000, std::string(1000, 'x'));
    const auto reverse = [](std::vector<std::string> values) {
        values.back() = "last";
        return values;
    };
    const std::vector<std::string> answer = first.call(reverse, texts);
    REQUIRE(answer.size() == 1000);
    CHECK(answer.front() == texts.front());
    CHECK(answer.back() == "last");
}

TEST_CASE("rule 112: what a task throws comes back, whatever it is, and the worker goes on") {
    driver::Zygote zygote = start_zygote();
    driver::Worker worker(zygote);
    CHECK_THROWS_WITH_AS(worker.call([] { throw std::out_of_range("too far"); }), "too far",
                         std::out_of_range);
    CHECK_THROWS_AS(worker.call([] { throw aio::SystemExit(3); }), aio::SystemExit);
    CHECK_THROWS_AS(worker.call([] { throw 42; }), aio::RuntimeError);
    CHECK_THROWS_AS(worker.call([] { throw aio::CancelledError(); }), aio::CancelledError);
    try {
        worker.call([] { throw std::logic_error("where"); });
    } catch (const aio::RemoteErrorInfo& info) {
        CHECK(info.pid() == worker.pid());
    }
    CHECK(worker.call(add, 1, 2) == 3);
}

TEST_CASE("rule 111: a call that cannot be decoded is that call's error, and the worker goes on") {
    driver::Zygote zygote = start_zygote();
    driver::Worker worker(zygote);
    aio::ByteWriter call;
    aio::encode_call(call, add, 1, 2);
    worker.send(aio::FrameType::task, 5, call.bytes().first(call.size() - 1));
    const driver::Frame frame = worker.read_frame();
    CHECK(frame.type == aio::FrameType::error);
    CHECK(frame.task_id == 5);
    CHECK(worker.call(add, 1, 2) == 3);
}

TEST_CASE("zygote: a result or an error above the limit is an error that says so") {
    driver::Zygote zygote = start_zygote();
    driver::Worker worker(zygote, 1, 5000);
    const auto make = [](std::uint32_t size) { return std::string(size, 'x'); };
    CHECK_THROWS_WITH_AS(worker.call(make, 6000U), "the result takes 6004 bytes, and the limit is 5000",
                         aio::RuntimeError);
    CHECK_THROWS_WITH_AS(worker.call([] { throw std::logic_error(std::string(6000, 'x')); }),
                         "the task threw std::logic_error, whose description exceeds the limit of 5000 bytes",
                         aio::RuntimeError);
    CHECK(worker.call(make, 500U).size() == 500);
    aio::uv::PipeEnds pipe = aio::uv::make_pipe();
    CHECK_THROWS_AS(zygote.client.request_worker(2, std::move(pipe.read), std::move(pipe.write), 1000),
                    aio::ValueError);
}

TEST_CASE("zygote: a killed worker is reported with its signal, and the other goes on") {
    driver::Zygote zygote = start_zygote();
    driver::Worker first(zygote, 1);
    driver::Worker second(zygote, 2);
    first.begin(spin_for_ever);
    REQUIRE(::kill(first.pid(), SIGKILL) == 0);
    const aio::WorkerExited exited = zygote.wait_exit(first.pid());
    CHECK(WIFSIGNALED(exited.status));
    CHECK(WTERMSIG(exited.status) == SIGKILL);
    CHECK(exited.max_resident_bytes > 0);
    CHECK_THROWS(static_cast<void>(first.read_frame()));
    CHECK(second.call(add, 2, 3) == 5);
}

TEST_CASE("zygote: a worker is signalled through its pidfd or through the zygote, and with it what it has "
          "started") {
    driver::Zygote zygote = start_zygote();
    driver::Worker first(zygote, 1);
    driver::Worker second(zygote, 2);
    if (first.started.pidfd.valid()) {
        CHECK(aio::detail::send_signal(first.started.pidfd, SIGTERM));
        CHECK(WTERMSIG(zygote.wait_exit(first.pid()).status) == SIGTERM);
        CHECK(ends(first.started.pidfd));
    }
    const int child = second.call([] {
        const pid_t pid = ::fork();
        if (pid == 0) {
            spin_for_ever();
        }
        return static_cast<int>(pid);
    });
    const aio::uv::Descriptor child_fd = aio::detail::open_pidfd(child);
    zygote.client.request_signal(getpid(), SIGKILL); // no worker: must be ignored
    zygote.client.request_signal(second.pid(), SIGTERM);
    CHECK(WTERMSIG(zygote.wait_exit(second.pid()).status) == SIGTERM);
    if (child_fd.valid()) {
        CHECK(ends(child_fd));
    }
}

TEST_CASE("zygote: workers leave in order on GOODBYE and at the end of their pipe, and with a code of their "
          "own otherwise") {
    driver::Zygote zygote = start_zygote();
    driver::Worker polite(zygote, 1);
    polite.send(aio::FrameType::goodbye, 0);
    CHECK(zygote.wait_exit(polite.pid()).status == 0);

    driver::Worker closed(zygote, 2);
    closed.close_tasks();
    CHECK(zygote.wait_exit(closed.pid()).status == 0);

    driver::Worker confused(zygote, 3);
    const std::array<std::byte, 24> garbage{};
    CHECK(confused.send_bytes(garbage));
    CHECK(WEXITSTATUS(zygote.wait_exit(confused.pid()).status) == aio::detail::worker_exit_protocol_error);

    driver::Worker quitting(zygote, 4);
    quitting.begin([] { std::_Exit(7); });
    CHECK(WEXITSTATUS(zygote.wait_exit(quitting.pid()).status) == 7);
}

TEST_CASE("zygote: a worker inherits nothing but its pipes and the standard streams") {
    const aio::uv::PipeEnds bystander = aio::uv::make_pipe();
    const int inherited = fcntl(bystander.read.get(), F_DUPFD, 100); // deliberately without close-on-exec
    const aio::uv::Descriptor guard(inherited);
    const auto count = [] { return static_cast<std::uint64_t>(open_descriptors()); };
    {
        driver::Zygote zygote = start_zygote();
        driver::Worker first(zygote, 1);
        driver::Worker second(zygote, 2);
        // With the one that lists them. libuv, where it has been used before, opens a pair of its own in each
        // forked copy.
        const std::uint64_t open = second.call(count);
        CHECK((open == 6 || open == 8));
        CHECK(second.call([](int fd) { return fcntl(fd, F_GETFD); }, inherited) == -1);
    }
    driver::Zygote zygote(aio::start_zygote_by_exec());
    driver::Worker worker(zygote, 1);
    CHECK(worker.call(count) == 6);
}

TEST_CASE("zygote: a worker has signals, input, group and name of its own") {
    const auto previous = std::signal(SIGUSR1, SIG_IGN);
    driver::Zygote zygote = start_zygote();
    driver::Worker worker(zygote);
    CHECK(worker.call([] { return getpgrp() == getpid(); }));
    CHECK(worker.call([] {
        char byte = 0;
        return ::read(STDIN_FILENO, &byte, 1) == 0;
    }));
    CHECK(worker.call([] {
        sigset_t blocked;
        sigprocmask(SIG_SETMASK, nullptr, &blocked);
        return sigismember(&blocked, SIGTERM) == 0 && std::signal(SIGUSR1, SIG_DFL) == SIG_DFL;
    }));
    CHECK(process_name(worker.pid()) == "aio-worker");
    CHECK(process_name(zygote.client.pid()) == "aio-zygote");
    std::signal(SIGUSR1, previous);
}

TEST_CASE("rule 118: Ctrl-C and SIGTERM do not end the zygote") {
    driver::Zygote zygote = start_zygote();
    static_cast<void>(zygote.wait<aio::ZygoteReady>());
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) {
        REQUIRE(::kill(zygote.client.pid(), signal) == 0);
    }
    driver::Worker worker(zygote);
    CHECK(worker.call(add, 1, 2) == 3);
}

TEST_CASE("zygote: when its client goes away, zygote and workers end, also busy ones") {
    aio::uv::Descriptor idle;
    aio::uv::Descriptor busy;
    aio::uv::Descriptor zygote_fd;
    {
        driver::Zygote zygote = start_zygote();
        zygote_fd = aio::detail::open_pidfd(zygote.client.pid());
        driver::Worker first(zygote, 1);
        driver::Worker second(zygote, 2);
        second.begin(spin_for_ever);
        idle = std::move(first.started.pidfd);
        busy = std::move(second.started.pidfd);
    }
    if (zygote_fd.valid()) {
        CHECK(ends(zygote_fd));
        CHECK(ends(idle));
        CHECK(ends(busy));
    }
}

TEST_CASE(
    "zygote: when the program is killed, zygote and busy workers end, even if a fork holds its descriptors") {
    aio::uv::PipeEnds report = aio::uv::make_pipe();
    const pid_t program = ::fork();
    if (program == 0) {
        driver::Zygote zygote = start_zygote();
        driver::Worker worker(zygote);
        worker.begin(spin_for_ever);
        const pid_t copy = ::fork();
        if (copy == 0) {
            spin_for_ever();
        }
        const std::array<int, 3> pids{zygote.client.pid(), worker.pid(), copy};
        static_cast<void>(aio::detail::write_all(report.write.get(), std::as_bytes(std::span(pids))));
        spin_for_ever();
    }
    std::array<int, 3> pids{};
    REQUIRE(driver::wait_readable(report.read.get()));
    REQUIRE(::read(report.read.get(), pids.data(), sizeof pids) == sizeof pids);
    const aio::uv::Descriptor zygote = aio::detail::open_pidfd(pids[0]);
    const aio::uv::Descriptor worker = aio::detail::open_pidfd(pids[1]);
    REQUIRE(::kill(program, SIGKILL) == 0);
    REQUIRE(waitpid(program, nullptr, 0) == program);
    if (zygote.valid() && worker.valid()) {
        CHECK(ends(zygote));
        CHECK(ends(worker));
    }
    ::kill(pids[2], SIGKILL);
}

TEST_CASE("zygote: when the zygote is killed, its workers end and the client is told why") {
    driver::Zygote zygote = start_zygote();
    driver::Worker worker(zygote);
    worker.begin(spin_for_ever);
    REQUIRE(::kill(zygote.client.pid(), SIGKILL) == 0);
    const aio::ZygoteClosed closed = zygote.wait<aio::ZygoteClosed>();
    CHECK(closed.reason.find("the zygote process") != std::string::npos);
    CHECK_THROWS(static_cast<void>(worker.read_frame()));
    CHECK(zygote.client.read_events().empty());
    aio::uv::PipeEnds pipe = aio::uv::make_pipe();
    zygote.client.request_worker(9, std::move(pipe.read),
                                 std::move(pipe.write)); // goes nowhere, harmlessly
    CHECK(!zygote.client.has_queued());
}

TEST_CASE("zygote: requests wait while the socket is full and are then served in order") {
    driver::Zygote zygote = start_zygote();
    static_cast<void>(zygote.wait<aio::ZygoteReady>());
    REQUIRE(::kill(zygote.client.pid(), SIGSTOP) == 0);
    while (!zygote.client.has_queued()) {
        zygote.client.request_signal(1, SIGTERM);
    }
    aio::uv::PipeEnds tasks = aio::uv::make_pipe();
    aio::uv::PipeEnds results = aio::uv::make_pipe();
    zygote.client.request_worker(77, std::move(tasks.read), std::move(results.write));
    REQUIRE(::kill(zygote.client.pid(), SIGCONT) == 0);
    while (zygote.client.has_queued()) {
        pollfd polled{zygote.client.descriptor(), POLLOUT, 0};
        REQUIRE(::poll(&polled, 1, driver::patience_milliseconds) == 1);
        zygote.client.flush();
    }
    CHECK(zygote.wait<aio::WorkerStarted>().request_id == 77);
    CHECK(driver::wait_readable(results.read.get()));
}

TEST_CASE("zygote: a worker that cannot be started is an error of that request alone") {
    driver::Zygote zygote = start_zygote();
    static_cast<void>(zygote.wait<aio::ZygoteReady>());
    rlimit usual{};
    REQUIRE(prlimit(zygote.client.pid(), RLIMIT_NOFILE, nullptr, &usual) == 0);
    const rlimit full{6, usual.rlim_max}; // no room for the pipes of a worker
    REQUIRE(prlimit(zygote.client.pid(), RLIMIT_NOFILE, &full, nullptr) == 0);
    aio::uv::PipeEnds tasks = aio::uv::make_pipe();
    aio::uv::PipeEnds results = aio::uv::make_pipe();
    zygote.client.request_worker(1, std::move(tasks.read), std::move(results.write));
    const aio::WorkerStarted refused = zygote.wait<aio::WorkerStarted>();
    CHECK(refused.request_id == 1);
    CHECK(refused.pid == -1);
    CHECK(refused.error == EMFILE);
    REQUIRE(prlimit(zygote.client.pid(), RLIMIT_NOFILE, &usual, nullptr) == 0);
    driver::Worker worker(zygote, 2);
    CHECK(worker.call(add, 1, 2) == 3);
}

TEST_CASE("zygote: no descriptor stays open, however workers and zygotes end") {
    const std::size_t before = open_descriptors();
    for (int round = 0; round < 3; ++round) {
        driver::Zygote zygote = start_zygote();
        driver::Worker first(zygote, 1);
        driver::Worker second(zygote, 2);
        CHECK(first.call(add, 1, 1) == 2);
        ::kill(second.pid(), SIGKILL);
        static_cast<void>(zygote.wait_exit(second.pid()));
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("zygote: a program with threads is not forked, but can start a zygote by exec") {
    std::promise<void> finish;
    std::thread thread([&finish] { finish.get_future().wait(); });
    CHECK_THROWS_AS(static_cast<void>(aio::start_zygote_by_fork()), aio::RuntimeError);
    {
        driver::Zygote zygote(aio::start_zygote_by_exec());
        CHECK(zygote.wait<aio::ZygoteReady>().pid == zygote.client.pid());
        driver::Worker worker(zygote);
        CHECK(worker.call(add, 20, 22) == 42);
        CHECK(worker.call([](const std::string& text) { return text + "!"; }, "text") == "text!");
        CHECK(worker.call([] { return std::getenv("AIO_ZYGOTE") == nullptr; }));
        CHECK(process_name(zygote.client.pid()) == "aio-zygote");
    }
    finish.set_value();
    thread.join();
}

TEST_CASE("zygote: a mark in the environment without its secret is removed and ignored") {
    const aio::uv::PipeEnds pipe = aio::uv::make_pipe();
    for (const std::string& mark : {std::string("nonsense"), std::string("0:1"), std::string("99999:ff"),
                                    std::to_string(pipe.read.get()) + ":1"}) {
        setenv("AIO_ZYGOTE", mark.c_str(), 1);
        aio::serve_if_zygote();
        CHECK(std::getenv("AIO_ZYGOTE") == nullptr);
    }
    CHECK(fcntl(pipe.read.get(), F_GETFD) >= 0);
}
