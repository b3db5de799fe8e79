#pragma once

/// Child processes.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <aio/uv/completion.hpp>

namespace aio::uv {

class Loop;
class Pipe;

/// What one of a child's first descriptors is.
class Stdio {
public:
    enum class Kind : std::uint8_t { null, inherit, pipe, same };

    /// The null device (descriptors 0 to 2; others are closed).
    Stdio() noexcept = default;
    /// A descriptor of this process, shared with the child.
    static Stdio inherit(int fd) noexcept { return Stdio(Kind::inherit, fd, nullptr, false); }
    /// The child reads what is written to `end`.
    static Stdio read_from(Pipe& end) noexcept { return Stdio(Kind::pipe, -1, &end, true); }
    /// What the child writes can be read from `end`.
    static Stdio write_to(Pipe& end) noexcept { return Stdio(Kind::pipe, -1, &end, false); }
    /// The same as the child's descriptor `earlier`, a lower number than its own.
    static Stdio same_as(int earlier) noexcept { return Stdio(Kind::same, earlier, nullptr, false); }

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    /// Of this process, or with `same_as` of the child.
    [[nodiscard]] int descriptor() const noexcept { return fd_; }
    [[nodiscard]] Pipe* end() const noexcept { return pipe_; }
    /// Whether the child reads from the pipe; otherwise it writes.
    [[nodiscard]] bool child_reads() const noexcept { return reads_; }

private:
    Stdio(Kind kind, int fd, Pipe* pipe, bool reads) noexcept
        : pipe_(pipe), fd_(fd), kind_(kind), reads_(reads) {}
    Pipe* pipe_ = nullptr;
    int fd_ = -1;
    Kind kind_ = Kind::null;
    bool reads_ = false;
};

/// What to run, and how.
class ProcessOptions {
public:
    /// `arguments[0]` is the program, looked for in PATH unless it contains a slash.
    explicit ProcessOptions(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}

    /// The whole environment, as NAME=VALUE; without this call the child gets a copy of ours.
    ProcessOptions& environment(std::vector<std::string> variables) {
        environment_ = std::move(variables);
        has_environment_ = true;
        return *this;
    }
    /// The directory to start in.
    ProcessOptions& directory(std::string path) { return directory_ = std::move(path), *this; }
    /// The child's descriptors 0, 1, 2, ...; of the first three, those not given are null. Others it does not
    /// get on Linux; elsewhere it gets those that are not marked to be closed on exec.
    ProcessOptions& stdio(std::vector<Stdio> descriptors) { return stdio_ = std::move(descriptors), *this; }
    /// A session of its own: signals of our terminal do not reach it.
    ProcessOptions& detached(bool on) noexcept { return detached_ = on, *this; }

    [[nodiscard]] const std::vector<std::string>& arguments() const noexcept { return arguments_; }
    /// Null when the child gets a copy of ours.
    [[nodiscard]] const std::vector<std::string>* environment() const noexcept {
        return has_environment_ ? &environment_ : nullptr;
    }
    [[nodiscard]] const std::string& directory() const noexcept { return directory_; }
    [[nodiscard]] const std::vector<Stdio>& stdio() const noexcept { return stdio_; }
    [[nodiscard]] bool detached() const noexcept { return detached_; }

private:
    std::vector<std::string> arguments_;
    std::vector<std::string> environment_;
    std::string directory_;
    std::vector<Stdio> stdio_;
    bool has_environment_ = false;
    bool detached_ = false;
};

/// The number of the signal that ends a process, whatever it does about it.
extern const int kill_signal;

/// A child process. Destroying it before the child has ended lets the child run on; it is still reaped when
/// it ends while the loop runs, and when the loop is destroyed after it has been killed.
class Process {
public:
    /// Starts the program. Blocks the thread until the child has executed it or failed to: a tenth of a
    /// millisecond on Linux, where the memory of this process is not copied for it; elsewhere that depends on
    /// libuv. `exited` is called once, with 0, when the child has ended, unless this object is destroyed
    /// first. Throws `std::system_error` naming the program.
    Process(Loop& loop, const ProcessOptions& options, Completion& exited);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] int pid() const noexcept;
    [[nodiscard]] bool has_exited() const noexcept;
    /// The exit code, once it has exited; 0 if a signal ended it, 255 if somebody else has taken it away.
    [[nodiscard]] std::int64_t exit_code() const noexcept;
    /// The signal that ended it, or 0.
    [[nodiscard]] int term_signal() const noexcept;
    /// Sends a signal. Returns 0 or a libuv error: ESRCH when it has exited.
    int kill(int signum) noexcept;

private:
    void* block_;
};

} // namespace aio::uv
