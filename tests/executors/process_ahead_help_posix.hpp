#pragma once
// Pools whose workers have been given calls ahead: only those get some whose calls have been short.

#include "process_help_posix.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <aio/executors/wrap_future.hpp>
#include <aio/workers/worker_task.hpp>

namespace processes {

inline int pid() { return ::getpid(); }

/// Adds a number to a file, which many processes do at the same time.
inline int note(const std::string& path, int number) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const std::string line = std::to_string(number) + '\n';
    if (::write(file, line.data(), line.size()) < 0) ::_exit(1);
    ::close(file);
    return number;
}
inline std::vector<int> notes(const std::string& path) {
    std::ifstream file(path);
    std::vector<int> numbers;
    for (int number = 0; file >> number;) numbers.push_back(number);
    return numbers;
}

/// Shows that it runs, and waits for a file.
inline void wait_for_file(const std::string& begun, const std::string& end) {
    touch(begun);
    while (!std::filesystem::exists(end)) ::usleep(500);
}

/// Waits without the loop, which hears nothing meanwhile. Not for ever: on a loaded machine a worker may not
/// have been quick, and what is waited for comes only when the loop goes on. False then.
template <class Condition>
[[nodiscard]] bool block_until(Condition condition) {
    for (int i = 0; i < 2000; ++i) {
        if (condition()) return true;
        ::usleep(500);
    }
    return false;
}

/// Has every one of its workers make short calls, so that they are given some ahead from then on.
inline aio::Coro<> make_quick(aio::ProcessPoolExecutor& pool, std::size_t workers) {
    aio::EventLoop& loop = aio::get_running_loop();
    const Folder folder;
    // One that is busy is not given another as long as there are some to be started.
    std::vector<aio::Future<>> first;
    for (std::size_t i = 0; i < workers; ++i)
        first.push_back(
            loop.run_in_executor(pool, wait_for_file, folder.file(std::to_string(i)), folder.file("end")));
    for (std::size_t i = 0; i < workers; ++i) co_await appearance(folder.file(std::to_string(i)));
    touch(folder.file("end"));
    for (aio::Future<>& call : first) co_await call;
    std::vector<aio::Future<int>> calls;
    for (std::size_t i = 0; i < 50 * workers; ++i) calls.push_back(loop.run_in_executor(pool, pid));
    for (aio::Future<int>& call : calls) static_cast<void>(co_await call);
}

inline int note_slowly(const std::string& path, int number, int milliseconds) {
    note(path, number);
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    return number;
}

inline bool is_pipe_for_writing(int descriptor) {
    struct stat status{};
    return ::fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode) &&
           (::fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_WRONLY;
}
/// Writes what is no frame to where its result goes.
inline int write_garbage() {
    const std::string text(64, 'x');
    for (int file = 3; file < 1024; ++file)
        if (is_pipe_for_writing(file) && ::write(file, text.data(), text.size()) < 0) return 0;
    return 1;
}
/// Dies the first time.
inline int die_once(const std::string& begun, const std::string& die, const std::string& list) {
    if (aio::worker_task().attempt() > 1) return note(list, 100);
    wait_for_file(begun, die);
    ::raise(SIGKILL);
    return 0;
}
/// An initializer that may hold up.
inline void start_when_allowed(std::string hold, std::string go) {
    while (std::filesystem::exists(hold) && !std::filesystem::exists(go)) ::usleep(500);
}

/// Waits with the loop.
template <class Condition>
aio::Coro<> until(Condition condition) {
    while (!condition()) co_await aio::sleep(std::chrono::milliseconds(1));
}
/// Whether the call's worker dies while it runs.
template <class T>
aio::Coro<bool> crashes(aio::ConcurrentFuture<T> call) {
    bool crashed = false;
    try {
        static_cast<void>(co_await aio::wrap_future(call));
    } catch (const aio::WorkerCrashed&) {
        crashed = true;
    }
    co_return crashed;
}

/// A pool whose only worker runs a call, and the means to end that.
class Busy {
public:
    explicit Busy(const aio::ProcessPoolOptions& options = aio::ProcessPoolOptions())
        : pool(aio::ProcessPoolOptions(options).max_workers(1)) {}
    aio::Coro<> begin() {
        co_await make_quick(pool, 1);
        first = aio::get_running_loop().run_in_executor(pool, wait_for_file, folder.file("begun"),
                                                        folder.file("end"));
        co_await appearance(folder.file("begun"));
    }
    void end() const { touch(folder.file("end")); }
    [[nodiscard]] std::string list() const { return folder.file("list"); }
    [[nodiscard]] std::vector<int> noted() const { return notes(list()); }

    Folder folder;
    aio::ProcessPoolExecutor pool;
    aio::Future<> first;
};

} // namespace processes
