#pragma once

/// `create_pipeline`: several programs, each of which reads what the one before it writes.
///
///     std::vector<aio::Command> commands;
///     commands.emplace_back("sort");
///     commands.emplace_back("uniq", "-c");
///     aio::Pipeline pipeline = co_await aio::create_pipeline(
///         aio::SubprocessOptions().stdin_from(aio::subprocess::PIPE).stdout_to(aio::subprocess::PIPE), commands);
///     aio::PipelineOutput output = co_await pipeline.communicate(text);
///
/// The bytes between the programs do not pass through this process.

#include <concepts>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/coro.hpp>
#include <aio/io/subprocess.hpp>

namespace aio {

/// A program and its arguments.
class Command {
public:
    template <class... Args>
        requires(sizeof...(Args) > 0 && (std::convertible_to<Args, std::string> && ...))
    explicit Command(Args&&... arguments) {
        arguments_.reserve(sizeof...(Args));
        (arguments_.emplace_back(std::forward<Args>(arguments)), ...);
    }
    explicit Command(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}
    [[nodiscard]] const std::vector<std::string>& arguments() const noexcept { return arguments_; }

private:
    std::vector<std::string> arguments_;
};

/// What `Pipeline::communicate` has read, and how each program ended.
class PipelineOutput {
public:
    PipelineOutput(std::vector<int> returncodes, std::optional<std::string> output)
        : returncodes_(std::move(returncodes)), stdout_(std::move(output)) {}
    [[nodiscard]] const std::vector<int>& returncodes() const noexcept { return returncodes_; }
    /// What the last program wrote; nothing if that was no pipe.
    [[nodiscard]] const std::optional<std::string>& stdout_data() const noexcept { return stdout_; }

private:
    std::vector<int> returncodes_;
    std::optional<std::string> stdout_;
};

/// Programs that are connected; move-only. Destroying it kills those that still run.
class Pipeline {
public:
    explicit Pipeline(std::vector<Process> processes) noexcept : processes_(std::move(processes)) {}

    /// In the order of the commands, at least one.
    [[nodiscard]] std::vector<Process>& processes() noexcept { return processes_; }
    /// Where the first reads from and the last writes to. Throws `RuntimeError` if that is no pipe.
    [[nodiscard]] PipeStream& stdin_stream() { return processes_.front().stdin_stream(); }
    [[nodiscard]] PipeStream& stdout_stream() { return processes_.back().stdout_stream(); }

    /// Waits until all have ended; gives their returncodes. Cancelled: they run on. Throws as `Process::wait`
    /// if this object is destroyed meanwhile.
    [[nodiscard]] Coro<std::vector<int>> wait();
    /// As `Process::communicate`, with the input of the first and the output of the last.
    [[nodiscard]] Coro<PipelineOutput> communicate(std::string input = std::string());
    /// Ends those that still run.
    void kill();

private:
    [[nodiscard]] std::vector<detail::ProcessWaitOperation> ends();
    std::vector<Process> processes_;
};

/// Starts the programs, the first one first. `options` hold for all, except that the standard input is that
/// of the first and the standard output that of the last. Throws `ValueError` without commands, or for errors
/// that go to a pipe: each program would need one of its own. If one cannot be started, those before it are
/// killed, and the error names it.
[[nodiscard]] Coro<Pipeline> create_pipeline(SubprocessOptions options, std::vector<Command> commands);

} // namespace aio
