// Faults of processes: each of them at each step of a worker's life. What is to come of it is always the
// same: the call that the worker had fails and says why, or is made by another; all others are made; the pool
// goes on; and no process, descriptor or shared memory is left.
//
//   before HELLO                                process_start_fault
//   in the initializer, half of the arguments,
//   mid task, half of a result, after a result,
//   draining                                    here
//   half of the arguments in the pipe           here
//   with more calls in its pipe, or read        process_pool_ahead
//   a mark of a call overwritten                call_marks (tests/workers)
//   the zygote killed, idle and busy            process_pool_crash: "... the zygote killed ..."
//   the program killed: idle and busy workers   process_pool_crash: "... when the program is killed ..."
//   nested workers                              process_task_faults: "... the pools of its workers"
//   frames to a worker: flipped, cut off,
//   oversized, twice                            worker_frames (tests/workers)
//   frames to the pool                          process_frame_faults
//   notes about shared memory, both ways        worker_buffers (tests/workers)
//   limits of descriptors: program, zygote,
//   worker                                      process_pool_crash, zygote (tests/workers), process_task_faults
//   limit of processes                          process_task_faults
//   limit of memory                             process_pool_call
//   a task that closes descriptors              process_pool_crash
//   writes to them, forks, blocks signals,
//   exits, throws an int                        process_task_faults
//   the program replaced on disk, folded code,
//   LTO, Ctrl-C and Ctrl-Z, the soak            tests/faults

#include "fault_help_posix.hpp"

#include <aio/workers/codec.hpp>
#include <aio/workers/shared_buffer.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <iostream>
#include <optional>
#include <streambuf>
#include <thread>
#include <utility>

using namespace std::chrono_literals;
using faults::Kind;

namespace {

/// A fault that lies in wait.
struct Trap {
    std::string token;
    int kind = 0;
    void spring() const { faults::commit_once(token, static_cast<Kind>(kind)); }
};

/// Goes off while it is read from the call.
struct FatalArgument {
    Trap trap;
};

/// Goes off while it is written to the result.
struct FatalResult {
    Trap trap;
};

} // namespace

template <>
struct aio::Codec<FatalArgument> {
    static void encode(aio::ByteWriter& out, const FatalArgument& argument) {
        aio::encode(out, argument.trap.token);
        aio::encode(out, argument.trap.kind);
    }
    static FatalArgument decode(aio::ByteReader& in) {
        FatalArgument argument;
        argument.trap.token = aio::decode<std::string>(in);
        argument.trap.kind = aio::decode<int>(in);
        argument.trap.spring();
        return argument;
    }
};

template <>
struct aio::Codec<FatalResult> {
    static void encode(aio::ByteWriter& out, const FatalResult& result) {
        aio::encode(out, result.trap.token);
        result.trap.spring();
        aio::encode(out, result.trap.kind);
    }
    static FatalResult decode(aio::ByteReader& in) {
        FatalResult result;
        result.trap.token = aio::decode<std::string>(in);
        result.trap.kind = aio::decode<int>(in);
        return result;
    }
};

namespace {

int square(int x) { return x * x; }
int pid() { return ::getpid(); }

int take_argument(int before, const FatalArgument&, const std::string& after) {
    return before + static_cast<int>(after.size());
}
FatalResult give_result(Trap trap) { return FatalResult{std::move(trap)}; }
int spring_in_task(const Trap& trap, aio::SharedBuffer numbers) {
    numbers.span<int>()[0] = 1;
    trap.spring();
    return 0;
}

/// Has written the first half of its result, in the pipe, when it happens.
int write_half(const Trap& trap, std::uint64_t call) {
    aio::ByteWriter frame;
    const std::string text(1000, 'x');
    aio::append_frame(frame, aio::FrameType::result, call, std::as_bytes(std::span(text)));
    faults::say(frame.bytes().first(frame.size() / 2));
    trap.spring();
    return 0;
}

/// Happens when the call has long ended: as soon as the token is there.
int spring_later(Trap trap) {
    std::thread([trap = std::move(trap)] {
        while (!std::filesystem::exists(trap.token)) ::usleep(500);
        trap.spring();
    }).detach();
    return ::getpid();
}

/// Flushing it is the last thing that a worker does.
class TrappedStream final : public std::streambuf {
public:
    explicit TrappedStream(Trap trap) : trap_(std::move(trap)) {}

private:
    int sync() override {
        trap_.spring();
        return 0;
    }
    Trap trap_;
};

int spring_at_the_end(Trap trap) {
    static TrappedStream* stream = nullptr;
    delete stream;
    stream = new TrappedStream(std::move(trap)); // NOLINT: as long as the process
    std::cout.rdbuf(stream);
    return ::getpid();
}

int refuse_once(const Trap& trap) {
    trap.spring();
    return 0;
}

/// Runs the body for each fault, with a token that is there, and looks that nothing is left by it.
void for_each_fault(const std::function<bool(Kind, Trap)>& body) {
    aio::SharedBuffer::set_idle_limit(0);
    std::optional<std::size_t> before;
    // The first round shows what stays open because it is used again.
    for (const Kind warm : {Kind::kill, Kind::stop}) {
        processes::Folder folder;
        const std::string token = folder.file("token");
        processes::touch(token);
        CHECK(body(warm, Trap{token, static_cast<int>(warm)}));
    }
    before = processes::descriptors();
    for (const Kind kind : faults::all) {
        processes::Folder folder;
        const std::string token = folder.file("token");
        processes::touch(token);
        const std::string in_time =
            faults::pair_of(kind, body(kind, Trap{token, static_cast<int>(kind)}) ? "in time" : "hangs");
        CHECK(in_time == faults::pair_of(kind, "in time"));
        // The trap was sprung. (Where a process stops, somebody has a limit of time, and may have been
        // quicker.)
        CHECK((kind == Kind::stop || !std::filesystem::exists(token)));
        CHECK(patience::until([] { return processes::workers() == 0; }));
        CHECK(processes::descriptors() <= *before);
        CHECK(processes::zombies() == 0);
        CHECK(faults::mappings() == 0);
    }
    aio::SharedBuffer::set_idle_limit(std::size_t{256} << 20);
}

/// A step at which the worker has a call. `submit` gives the future of the call that meets the fault.
template <class Submit>
void check_step_of_a_call(Submit submit) {
    for_each_fault([&](Kind kind, const Trap& trap) {
        return processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(faults::hasty(2));
            auto first = loop.run_in_executor(pool, square, 2);
            auto lost = submit(pool, kind, trap);
            auto last = loop.run_in_executor(pool, square, 3);
            const std::string end = co_await faults::end_of(lost);
            CHECK(faults::pair_of(kind, end) == faults::pair_of(kind, faults::expected_end(kind)));
            const int four = co_await first;
            CHECK(four == 4);
            const int nine = co_await last;
            CHECK(nine == 9);
            // By the worker that has taken its place, too.
            std::vector<aio::Future<int>> more;
            for (int i = 0; i < 6; ++i) more.push_back(loop.run_in_executor(pool, square, i));
            for (int i = 0; i < 6; ++i) {
                const int value = co_await more[static_cast<std::size_t>(i)];
                CHECK(value == i * i);
            }
            pool.shutdown(false);
            co_await pool.wait_closed();
        });
    });
}

/// The process, which is no child of this one, has ended or is stopped.
bool rests(int worker) {
    const char state = processes::state_of(worker);
    return state == 'Z' || state == '?' || state == 'T';
}

} // namespace

TEST_CASE("rule 113: a fault while the arguments are half read costs the call") {
    check_step_of_a_call([](aio::ProcessPoolExecutor& pool, Kind kind, const Trap& trap) {
        return aio::get_running_loop().run_in_executor(pool, faults::options_for(kind), take_argument, 1,
                                                       FatalArgument{trap}, std::string("after"));
    });
}

TEST_CASE("rule 113: a fault in the middle of a task costs the call, and no shared memory") {
    check_step_of_a_call([](aio::ProcessPoolExecutor& pool, Kind kind, const Trap& trap) {
        const aio::SharedBuffer numbers(100'000);
        return aio::get_running_loop().run_in_executor(pool, faults::options_for(kind), spring_in_task, trap,
                                                       numbers);
    });
}

TEST_CASE("rule 113: a fault while the result is half encoded costs the call") {
    check_step_of_a_call([](aio::ProcessPoolExecutor& pool, Kind kind, const Trap& trap) {
        return aio::get_running_loop().run_in_executor(pool, faults::options_for(kind), give_result, trap);
    });
}

TEST_CASE("rule 113: a fault when half of the result is in the pipe costs the call") {
    check_step_of_a_call([](aio::ProcessPoolExecutor& pool, Kind kind, const Trap& trap) {
        // The second call of its pool.
        return aio::get_running_loop().run_in_executor(pool, faults::options_for(kind), write_half, trap,
                                                       std::uint64_t{2});
    });
}

TEST_CASE("rule 113: a fault after the result costs nothing; from a stopped worker, the call that waits for "
          "it in vain") {
    for_each_fault([](Kind kind, const Trap& trap) {
        std::filesystem::remove(trap.token);
        return processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(faults::hasty(1));
            const int worker = co_await loop.run_in_executor(pool, spring_later, trap);
            processes::touch(trap.token);
            // The loop has not had a turn when the next call comes.
            CHECK(patience::until([&] { return rests(worker); }));
            const std::string end =
                co_await faults::end_of(loop.run_in_executor(pool, faults::options_for(kind), square, 4));
            CHECK(faults::pair_of(kind, end) ==
                  faults::pair_of(kind, kind == Kind::stop ? "timeout" : "value"));
            const int value = co_await loop.run_in_executor(pool, square, 5);
            CHECK(value == 25);
            pool.shutdown(false);
            co_await pool.wait_closed();
        });
    });
}

TEST_CASE("rule 107: a fault of a worker that is told to leave does not hold up the pool's end") {
    for_each_fault([](Kind, const Trap& trap) {
        return processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(faults::hasty(2));
            const int value = co_await loop.run_in_executor(pool, spring_at_the_end, trap);
            CHECK(value > 0);
            pool.shutdown(false);
            co_await pool.wait_closed();
        });
    });
}

TEST_CASE("rule 115: a fault of a worker that leaves after its last call does not hold up the next call") {
    for_each_fault([](Kind, const Trap& trap) {
        return processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(faults::hasty(1).max_tasks_per_child(1));
            auto last = loop.run_in_executor(pool, spring_at_the_end, trap);
            auto next = loop.run_in_executor(pool, square, 4);
            const int worker = co_await last;
            CHECK(worker > 0);
            const int value = co_await next;
            CHECK(value == 16);
            pool.shutdown(false);
            co_await pool.wait_closed();
        });
    });
}

TEST_CASE("rule 107: a worker that is stopped while it is idle ends with its pool, shut down or not") {
    for (const bool shut_down : {true, false}) {
        CHECK(processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(faults::hasty(1));
            const int worker = co_await loop.run_in_executor(pool, pid);
            ::kill(worker, SIGSTOP);
            CHECK(patience::until([&] { return rests(worker); }));
            if (shut_down) {
                pool.shutdown(false);
                co_await pool.wait_closed();
            }
        }));
        CHECK(patience::until([] { return processes::workers() == 0; }));
    }
}

TEST_CASE("rule 116: SIGTERM ends a worker that is stopped, too") {
    CHECK(processes::in_time([&]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const int worker = co_await loop.run_in_executor(pool, pid);
        ::kill(worker, SIGSTOP);
        CHECK(patience::until([&] { return rests(worker); }));
        auto lost = loop.run_in_executor(pool, square, 2);
        pool.terminate_workers();
        const std::string end = co_await faults::end_of(lost);
        CHECK(end == "signal " + std::to_string(SIGTERM));
        co_await pool.wait_closed();
    }));
}

TEST_CASE(
    "rule 114: a fault in the initializer is a start that has failed, and the next one makes the call") {
    for_each_fault([](Kind kind, const Trap& trap) {
        return processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            auto options = faults::hasty(1).initializer(refuse_once, trap).max_failed_starts(100);
            if (kind == Kind::stop) options.start_timeout(500ms);
            aio::ProcessPoolExecutor pool(options);
            const int value = co_await loop.run_in_executor(pool, square, 4);
            CHECK(value == 16);
            CHECK(pool.statistics().failed_starts >= 1);
            pool.shutdown(false);
            co_await pool.wait_closed();
        });
    });
}

TEST_CASE(
    "rule 113: a fault while half of the arguments is in the pipe costs nothing, but for one that stays "
    "stopped") {
    // More than a pipe takes, and less than what would go another way.
    const std::string text(200'000, 'x');
    const auto length = [](const std::string& given) { return given.size(); };
    for (const int signal : {SIGKILL, SIGSEGV, SIGABRT, SIGTERM, SIGSTOP}) {
        CHECK(processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(faults::hasty(1));
            const int worker = co_await loop.run_in_executor(pool, pid);
            ::kill(worker, SIGSTOP);
            CHECK(patience::until([&] { return rests(worker); }));
            auto future = loop.run_in_executor(
                pool, faults::options_for(signal == SIGSTOP ? Kind::stop : Kind::kill), length, text);
            // It is on its way once the loop has had turns.
            co_await aio::sleep(2ms);
            if (signal != SIGSTOP) {
                ::kill(worker, signal);
                ::kill(worker, SIGCONT);
            }
            const std::string end = co_await faults::end_of(future);
            CHECK(end == (signal == SIGSTOP ? "timeout" : "value"));
            const std::size_t size = co_await loop.run_in_executor(pool, length, text);
            CHECK(size == text.size());
            pool.shutdown(false);
            co_await pool.wait_closed();
        }));
    }
    CHECK(patience::until([] { return processes::workers() == 0; }));
}
