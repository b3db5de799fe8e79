#include <aio/io/subprocess.hpp>

#include <map>

#include <aio/core/event_loop.hpp>
#include <aio/io/process_pipes_private.hpp>
#include <aio/uv/environment.hpp>
#include <aio/uv/process.hpp>

namespace aio {

namespace {

/// Windows has names of its own that begin with "=".
void check_names(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables)
        if (name.empty() || name.find('=', 1) != std::string::npos)
            throw ValueError("illegal name of a variable of the environment: \"" + name + "\"");
}

} // namespace

std::optional<std::vector<std::string>> SubprocessOptions::environment() const {
    if (!environment_ && additions_.empty()) return std::nullopt;
    if (environment_) check_names(*environment_);
    check_names(additions_);
    std::map<std::string, std::string> all = environment_ ? *environment_ : uv::environment();
    for (const auto& [name, value] : additions_) all.insert_or_assign(name, value);
    std::vector<std::string> lines;
    lines.reserve(all.size());
    for (const auto& [name, value] : all) lines.push_back(name + "=" + value);
    return lines;
}

Coro<ProcessOutput> Process::communicate(std::string input) {
    return [](detail::Ref<detail::ProcessState> process, std::string text) -> Coro<ProcessOutput> {
        detail::ProcessTexts texts = co_await detail::exchange(process, process, std::move(text));
        const int returncode = co_await detail::ProcessWaitOperation(*process);
        co_return ProcessOutput(returncode, std::move(texts.output), std::move(texts.errors));
    }(detail::Ref<detail::ProcessState>(&state()), std::move(input));
}

void Process::kill() { send_signal(uv::kill_signal); }

PipeStream& Process::stream(int number) {
    std::optional<PipeStream>& stream = state().stream(number);
    if (!stream) throw RuntimeError("there is no pipe for " + state().stream_name(number));
    return *stream;
}

Coro<Process> create_subprocess_exec(SubprocessOptions options, std::vector<std::string> arguments) {
    co_return Process(get_running_loop(), std::move(arguments), options);
}

Coro<Process> create_subprocess_shell(std::string command, SubprocessOptions options) {
    std::vector<std::string> arguments = uv::shell_arguments(std::move(command));
    co_return Process(get_running_loop(), std::move(arguments), options);
}

} // namespace aio
