#pragma once

/// What the tests of process pools share: watching processes and descriptors, and trials in processes of
/// their own.

#include "patience.hpp"

#include <aio/core/sleep.hpp>
#include <aio/executors/process_pool.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/structure/run.hpp>
#include <aio/structure/wait_for.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace processes {

/// Runs a body in a loop of its own; false if it does not end in time.
template <class Body>
bool in_time(Body body) {
    const auto limited = [](Body& inner) -> aio::Coro<bool> {
        bool result = true;
        try {
            co_await aio::wait_for(inner(), patience::limit);
        } catch (const aio::TimeoutError&) {
            result = false;
        }
        co_return result;
    };
    return aio::run(limited(body));
}

/// A line of the process table.
class Entry {
public:
    int pid = 0;
    int parent = 0;
    char state = '?';
    std::string name;
};

inline std::vector<Entry> table() {
    std::vector<Entry> entries;
    std::error_code error;
    for (const auto& directory : std::filesystem::directory_iterator("/proc", error)) {
        const std::string name = directory.path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::ifstream file(directory.path() / "stat");
        std::string line;
        if (!std::getline(file, line)) continue;
        const auto open = line.find('(');
        const auto close = line.rfind(')');
        if (open == std::string::npos || close == std::string::npos || close + 4 > line.size()) continue;
        Entry entry;
        entry.pid = std::stoi(name);
        entry.name = line.substr(open + 1, close - open - 1);
        entry.state = line[close + 2];
        entry.parent = std::stoi(line.substr(close + 4));
        entries.push_back(entry);
    }
    return entries;
}

inline bool exists(int pid) { return ::kill(pid, 0) == 0; }

inline int parent_of(int pid) {
    for (const Entry& entry : table())
        if (entry.pid == pid) return entry.parent;
    return -1;
}

/// The letter that stands for its state, or '?' if there is no such process.
inline char state_of(int pid) {
    for (const Entry& entry : table())
        if (entry.pid == pid) return entry.state;
    return '?';
}

/// The workers of this program's zygotes that have not ended.
inline int workers() {
    const auto entries = table();
    int count = 0;
    for (const Entry& entry : entries) {
        if (entry.name != "aio-worker" || entry.state == 'Z') continue;
        for (const Entry& zygote : entries)
            if (zygote.pid == entry.parent && zygote.parent == ::getpid()) ++count;
    }
    return count;
}

inline int zombies() {
    int count = 0;
    for (const Entry& entry : table())
        if (entry.parent == ::getpid() && entry.state == 'Z') ++count;
    return count;
}

inline std::size_t descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

/// A folder for files by which calls in workers show how far they have come.
class Folder {
public:
    Folder() {
        std::string text = std::filesystem::temp_directory_path() / "aio-test-XXXXXX";
        path_ = ::mkdtemp(text.data());
    }
    ~Folder() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

inline void touch(const std::string& path) { std::ofstream file(path); }

/// In a worker: shows that it runs, and never ends.
inline void begin_and_stay(std::string path) {
    touch(path);
    for (;;) ::pause();
}

/// Waits on the loop until a file is there.
inline aio::Coro<> appearance(std::string path) {
    while (!std::filesystem::exists(path)) co_await aio::sleep(std::chrono::milliseconds(1));
}

/// Runs `body`, which gives an exit code, in a forked copy of this program; gives the code, or -1 if it was
/// ended by a signal or does not end.
template <class Body>
int in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
        int code = 99;
        try {
            code = body();
        } catch (...) {
        }
        ::_exit(code);
    }
    int status = 0;
    const bool ended = patience::until([&] { return ::waitpid(child, &status, WNOHANG) == child; });
    if (!ended) {
        ::kill(child, SIGKILL);
        ::waitpid(child, &status, 0);
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace processes
