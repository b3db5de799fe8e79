#include <aio/io/subprocess.hpp>

#include <array>
#include <cstddef>
#include <exception>
#include <map>
#include <span>
#include <string_view>
#include <system_error>

#include <aio/core/event_loop.hpp>
#include <aio/io/process_pipes_private.hpp>
#include <aio/structure/gather.hpp>
#include <aio/uv/environment.hpp>
#include <aio/uv/process.hpp>

namespace aio {

std::optional<std::vector<std::string>> SubprocessOptions::environment() const {
    if (!environment_ && additions_.empty()) return std::nullopt;
    std::map<std::string, std::string> all = environment_ ? *environment_ : uv::environment();
    for (const auto& [name, value] : additions_) all.insert_or_assign(name, value);
    std::vector<std::string> lines;
    lines.reserve(all.size());
    for (const auto& [name, value] : all) lines.push_back(name + "=" + value);
    return lines;
}

namespace detail {

Coro<std::exception_ptr> feed(PipeStream& stream, std::string input) {
    std::exception_ptr error;
    try {
        co_await stream.write_all(std::as_bytes(std::span(input)));
    } catch (const std::system_error& e) {
        // A process may end, or close its input, without having read it.
        if (e.code() != std::errc::broken_pipe && e.code() != std::errc::connection_reset)
            error = std::current_exception();
    }
    stream.close();
    co_return error;
}

Coro<std::exception_ptr> drain(PipeStream& stream, std::string& text) {
    std::exception_ptr error;
    std::vector<std::byte> memory(64 * 1024);
    try {
        for (;;) {
            const std::size_t count = co_await stream.read_some(memory);
            if (count == 0) break;
            text.append(reinterpret_cast<const char*>(memory.data()), count);
        }
    } catch (const std::system_error&) {
        error = std::current_exception();
    }
    stream.close();
    co_return error;
}

} // namespace detail

Coro<ProcessOutput> Process::communicate(std::string input) {
    detail::ProcessState& process = state();
    if (!input.empty() && !process.stream(0))
        throw ValueError("communicate: there is no pipe for the input of " + process.program());
    return [](detail::ProcessState& of, std::string text) -> Coro<ProcessOutput> {
        std::optional<std::string> texts[3];
        std::vector<Coro<std::exception_ptr>> parts;
        if (of.stream(0)) parts.push_back(detail::feed(*of.stream(0), std::move(text)));
        for (int number = 1; number < 3; ++number) {
            if (!of.stream(number)) continue;
            texts[number].emplace();
            parts.push_back(detail::drain(*of.stream(number), *texts[number]));
        }
        // Cancelled, this waits for all of them: none outlives what it writes to.
        const std::vector<std::exception_ptr> errors = co_await gather(std::move(parts));
        const int returncode = co_await detail::ProcessWaitOperation(of);
        for (const std::exception_ptr& error : errors)
            if (error) std::rethrow_exception(error);
        co_return ProcessOutput(returncode, std::move(texts[1]), std::move(texts[2]));
    }(process, std::move(input));
}

void Process::kill() { send_signal(uv::kill_signal); }

PipeStream& Process::stream(int number) {
    static constexpr const char* names[] = {"input", "output", "errors"};
    std::optional<PipeStream>& stream = state().stream(number);
    if (!stream)
        throw RuntimeError("there is no pipe for the " + std::string(names[number]) + " of " +
                           state().program());
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
