#pragma once

/// What the tests of faults share: the faults, as a process commits them on itself, and how calls end by
/// them.

#include "process_help_posix.hpp"

#include <aio/executors/process_errors.hpp>
#include <aio/workers/descriptors_posix.hpp>
#include <aio/workers/frame.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace faults {

enum class Kind : int { kill, segv, abort, leave, stop };

inline constexpr std::array<Kind, 5> all{Kind::kill, Kind::segv, Kind::abort, Kind::leave, Kind::stop};

inline std::string name_of(Kind kind) {
    static constexpr std::array<const char*, 5> names{"SIGKILL", "SIGSEGV", "abort", "_exit(0)", "SIGSTOP"};
    return names.at(static_cast<std::size_t>(kind));
}

/// To compare what came of a fault, in words that say which one it was.
inline std::string pair_of(Kind kind, const std::string& text) { return name_of(kind) + ": " + text; }

/// Signals as a fresh process has them: no sanitizer or mask keeps them from what they do.
inline void signal_self(int signal) {
    if (signal != SIGKILL && signal != SIGSTOP) std::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::kill(::getpid(), signal);
}

/// Returns only from a stop, when the process has been told to go on.
inline void commit(Kind kind) {
    switch (kind) {
    case Kind::kill: signal_self(SIGKILL); break;
    case Kind::segv: signal_self(SIGSEGV); break;
    case Kind::abort: std::signal(SIGABRT, SIG_DFL); std::abort();
    case Kind::leave: ::_exit(0);
    case Kind::stop: signal_self(SIGSTOP); return;
    }
    for (;;) ::pause();
}

/// The same for whoever comes first: `token` is a file, which is then gone.
inline void commit_once(const std::string& token, Kind kind) {
    if (::unlink(token.c_str()) == 0) commit(kind);
}

/// How a call ends whose worker commits the fault while it has it. One that is stopped is given up after the
/// call's time.
inline std::string expected_end(Kind kind) {
    switch (kind) {
    case Kind::kill: return "signal " + std::to_string(SIGKILL);
    case Kind::segv: return "signal " + std::to_string(SIGSEGV);
    case Kind::abort: return "signal " + std::to_string(SIGABRT);
    case Kind::leave: return "code 0";
    case Kind::stop: break;
    }
    return "timeout";
}

/// For calls that may meet a stopped worker, which nothing else would end.
inline aio::ProcessCallOptions options_for(Kind kind) {
    aio::ProcessCallOptions options;
    if (kind == Kind::stop) options.timeout(std::chrono::milliseconds(100));
    return options;
}

/// A pool that does not wait for those who do not answer.
inline aio::ProcessPoolOptions hasty(int workers) {
    return aio::ProcessPoolOptions()
        .max_workers(workers)
        .stop_grace(std::chrono::milliseconds(20))
        .kill_grace(std::chrono::milliseconds(20));
}

/// How the call ended: "value", "signal 9", "code 0", "timeout", or what it threw.
template <class T>
aio::Coro<std::string> end_of(aio::Future<T> future) {
    std::string text = "value";
    try {
        co_await future;
    } catch (const aio::WorkerCrashed& error) {
        text = error.exit().signal != 0 ? "signal " + std::to_string(error.exit().signal)
                                        : "code " + std::to_string(error.exit().code);
        if (error.pid() <= 0) text += " of nobody";
    } catch (const aio::TimeoutError&) {
        text = "timeout";
    } catch (const aio::BrokenProcessPool& error) {
        text = std::string("broken: ") + error.what();
    } catch (const std::exception& error) {
        text = error.what();
    }
    co_return text;
}

/// In a worker: the pipe that its results go to. It is the one pipe whose other end is not here too.
inline int result_pipe() {
    std::set<ino_t> read_here;
    int found = -1;
    for (const bool reading : {true, false})
        for (int fd = 3; fd < 1024; ++fd) {
            struct stat status{};
            if (::fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) continue;
            const int access = ::fcntl(fd, F_GETFL) & O_ACCMODE;
            if (reading && access == O_RDONLY) read_here.insert(status.st_ino);
            if (!reading && access == O_WRONLY && !read_here.contains(status.st_ino)) found = fd;
        }
    return found;
}

/// In a worker: says that to the pool, in its own name.
inline void say(std::span<const std::byte> bytes) {
    static_cast<void>(aio::detail::write_all(result_pipe(), bytes));
}

/// Shared memory of this process.
inline int mappings() {
    std::ifstream file("/proc/self/maps");
    int count = 0;
    for (std::string line; std::getline(file, line);)
        if (line.find("aio-buffer") != std::string::npos) ++count;
    return count;
}

} // namespace faults
