#pragma once

/// What a child process gets: its standard streams, directory and environment.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aio {

/// Where a standard stream of a child comes from or goes to.
class Redirect {
public:
    enum class Kind : std::uint8_t { inherit, null, pipe, standard_output, descriptor };

    /// The stream of this process.
    constexpr Redirect() noexcept = default;
    /// A descriptor of this process, which stays its own; it may be closed once the child has been started.
    [[nodiscard]] static constexpr Redirect descriptor(int number) noexcept {
        return Redirect(Kind::descriptor, number);
    }
    constexpr explicit Redirect(Kind kind, int number = -1) noexcept : number_(number), kind_(kind) {}

    [[nodiscard]] constexpr Kind kind() const noexcept { return kind_; }
    [[nodiscard]] constexpr int number() const noexcept { return number_; }

private:
    int number_ = -1;
    Kind kind_ = Kind::inherit;
};

namespace subprocess {

/// A pipe to this process: see `Process::stdin_stream` and its like.
inline constexpr Redirect PIPE{Redirect::Kind::pipe};
/// The null device.
inline constexpr Redirect DEVNULL{Redirect::Kind::null};
/// For the error stream: where the standard output goes.
inline constexpr Redirect STDOUT{Redirect::Kind::standard_output};

} // namespace subprocess

/// The keyword arguments of asyncio's `create_subprocess_exec`.
class SubprocessOptions {
public:
    SubprocessOptions() = default;

    /// The three standard streams; those of this process unless said otherwise.
    SubprocessOptions& stdin_from(const Redirect& from) noexcept { return stdin_ = from, *this; }
    SubprocessOptions& stdout_to(const Redirect& to) noexcept { return stdout_ = to, *this; }
    SubprocessOptions& stderr_to(const Redirect& to) noexcept { return stderr_ = to, *this; }
    /// The directory to start in.
    SubprocessOptions& cwd(std::filesystem::path directory) {
        return directory_ = std::move(directory), *this;
    }
    /// The whole environment. Without it the child gets a copy of ours.
    SubprocessOptions& env(std::map<std::string, std::string> variables) {
        return environment_ = std::move(variables), *this;
    }
    /// One variable more, or another value for one, in the environment that the child would get.
    SubprocessOptions& set_env(std::string name, std::string value) {
        additions_.insert_or_assign(std::move(name), std::move(value));
        return *this;
    }
    /// A session of its own: signals of our terminal do not reach it.
    SubprocessOptions& start_new_session(bool on) noexcept { return new_session_ = on, *this; }

    [[nodiscard]] const Redirect& stdin_from() const noexcept { return stdin_; }
    [[nodiscard]] const Redirect& stdout_to() const noexcept { return stdout_; }
    [[nodiscard]] const Redirect& stderr_to() const noexcept { return stderr_; }
    [[nodiscard]] const std::filesystem::path& cwd() const noexcept { return directory_; }
    [[nodiscard]] bool start_new_session() const noexcept { return new_session_; }
    /// The environment as NAME=VALUE; nothing if it is ours as it is.
    [[nodiscard]] std::optional<std::vector<std::string>> environment() const;

private:
    Redirect stdin_;
    Redirect stdout_;
    Redirect stderr_;
    std::filesystem::path directory_;
    std::optional<std::map<std::string, std::string>> environment_;
    std::map<std::string, std::string> additions_;
    bool new_session_ = false;
};

} // namespace aio
