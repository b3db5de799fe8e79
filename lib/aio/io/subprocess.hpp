#pragma once

/// `create_subprocess_exec` and `create_subprocess_shell`: programs that run beside this one
/// (`asyncio.subprocess`).
///
///     using namespace aio::subprocess;
///     aio::Process sort = co_await aio::create_subprocess_exec(
///         aio::SubprocessOptions().stdin_from(PIPE).stdout_to(PIPE), "sort", "-u");
///     aio::ProcessOutput output = co_await sort.communicate("b\na\nb\n");
///     std::puts(output.stdout_data()->c_str());
///
/// Starting a program does not copy this process's memory on Linux, so it takes the loop little time however
/// large the process is. The child gets its standard streams, on Linux none of our other descriptors
/// (elsewhere those that are not marked to be closed on exec), and signals as they are by default.
///
/// There is no zombie to care for: every child is reaped by the loop that started it, and no other child of
/// the process is touched. Only a child that is detached and lives longer than its loop is left for the
/// system to take away when this process ends. Where SIGCHLD is ignored the system itself takes children
/// away, and the returncode is 255.

#include <concepts>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/coro.hpp>
#include <aio/core/errors.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/io/process_state.hpp>
#include <aio/io/subprocess_options.hpp>

namespace aio {

/// What `communicate` has read.
class ProcessOutput {
public:
    ProcessOutput(int returncode, std::optional<std::string> output, std::optional<std::string> errors)
        : stdout_(std::move(output)), stderr_(std::move(errors)), returncode_(returncode) {}
    /// All that the process wrote; nothing if that stream was no pipe.
    [[nodiscard]] const std::optional<std::string>& stdout_data() const noexcept { return stdout_; }
    [[nodiscard]] const std::optional<std::string>& stderr_data() const noexcept { return stderr_; }
    [[nodiscard]] int returncode() const noexcept { return returncode_; }

private:
    std::optional<std::string> stdout_;
    std::optional<std::string> stderr_;
    int returncode_;
};

class Pipeline;

/// A child process; move-only. Belongs to the loop it was started in. Destroying it kills the process if it
/// is still running, and so does closing the loop; `detach` says otherwise.
class Process {
public:
    Process(EventLoop& loop, std::vector<std::string> arguments, const SubprocessOptions& options)
        : state_(detail::start_process(loop, std::move(arguments), options)) {}
    Process(Process&&) noexcept = default;
    Process& operator=(Process&&) noexcept = default;

    [[nodiscard]] int pid() const { return state().pid(); }
    /// How it ended: its exit code, or the negative number of the signal that ended it. Nothing while it
    /// runs, or while the loop has not noticed its end.
    [[nodiscard]] std::optional<int> returncode() const { return state().returncode(); }

    /// Waits for the end of the process, whatever becomes of its pipes, and gives its `returncode`. Any
    /// number of tasks may wait. With pipes for its output, a process may not end before somebody reads them:
    /// see `communicate`. Cancelled: the process runs on. Throws `std::system_error` (operation_canceled) if
    /// this object is destroyed meanwhile.
    [[nodiscard]] detail::ProcessWaitOperation wait() { return detail::ProcessWaitOperation(state()); }

    /// Writes `input` to the process and closes its input, reads its output and errors to their ends, all at
    /// the same time, and waits for its end. A process that does not want its input is no error. A pipe that
    /// has been closed, by you or by an earlier `communicate`, has nothing more to give. Throws `ValueError`
    /// for input without an open pipe for it, `RuntimeError` if another task is using a pipe,
    /// `std::system_error` if a pipe cannot be read, and (operation_canceled) if this object is destroyed
    /// meanwhile. Cancelled: the process runs on; what had been read is lost, and the rest of the input is
    /// not written; called again it reads what is left.
    [[nodiscard]] Coro<ProcessOutput> communicate(std::string input = std::string());

    /// The ends of the pipes that were asked for with `subprocess::PIPE`: input to write to, the others to
    /// read from. They are this object's. Throws `RuntimeError` if there is no such pipe. To end the input,
    /// close the stream.
    [[nodiscard]] PipeStream& stdin_stream() { return stream(0); }
    [[nodiscard]] PipeStream& stdout_stream() { return stream(1); }
    [[nodiscard]] PipeStream& stderr_stream() { return stream(2); }
    [[nodiscard]] bool has_stdin() const { return state().stream(0).has_value(); }
    [[nodiscard]] bool has_stdout() const { return state().stream(1).has_value(); }
    [[nodiscard]] bool has_stderr() const { return state().stream(2).has_value(); }

    /// Sends a signal. Throws `std::system_error`: no_such_process once the process has ended. Windows knows
    /// only how to end a process, and does so for SIGTERM, SIGKILL and SIGINT.
    void send_signal(int signum) { state().send_signal(signum); }
    /// Asks it to end (SIGTERM).
    void terminate() { send_signal(SIGTERM); }
    /// Ends it (SIGKILL).
    void kill();

    /// The process may go on when this object is destroyed or the loop closed.
    void detach() { state().detach(); }

private:
    [[nodiscard]] detail::ProcessState& state() const {
        if (!state_) throw RuntimeError("this process object has been moved from");
        return *state_;
    }
    [[nodiscard]] PipeStream& stream(int number);

    friend Pipeline;
    detail::ProcessOwner state_;
};

/// Starts a program in the running loop; without a slash in its name it is looked for in PATH, that of the
/// child if it has another. Throws `std::system_error` that names the program and why it could not be run,
/// `ValueError` for what no program can be given: null characters, a variable without a name, a negative
/// descriptor.
[[nodiscard]] Coro<Process> create_subprocess_exec(SubprocessOptions options,
                                                   std::vector<std::string> arguments);
template <class... Args>
    requires(sizeof...(Args) > 0 && (std::convertible_to<Args, std::string> && ...))
[[nodiscard]] Coro<Process> create_subprocess_exec(SubprocessOptions options, Args&&... arguments) {
    std::vector<std::string> all;
    all.reserve(sizeof...(Args));
    (all.emplace_back(std::forward<Args>(arguments)), ...);
    return create_subprocess_exec(std::move(options), std::move(all));
}
template <class... Args>
    requires(sizeof...(Args) > 0 && (std::convertible_to<Args, std::string> && ...))
[[nodiscard]] Coro<Process> create_subprocess_exec(Args&&... arguments) {
    return create_subprocess_exec(SubprocessOptions(), std::forward<Args>(arguments)...);
}

/// Has the system's shell run a command line. Whoever puts text of others into it must quote that.
[[nodiscard]] Coro<Process> create_subprocess_shell(std::string command,
                                                    SubprocessOptions options = SubprocessOptions());

} // namespace aio
