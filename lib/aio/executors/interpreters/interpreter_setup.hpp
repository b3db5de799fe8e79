#pragma once

/// How each new interpreter of a pool is prepared, and the options of a pool.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/executors/interpreters/script_callee.hpp>
#include <aio/executors/interpreters/script_run.hpp>
#include <aio/executors/interpreters/value.hpp>

namespace aio {
namespace detail {

/// One step of the preparation: runs a source, sets a global, or makes a call.
class SetupStep {
public:
    enum class Kind { source, global, call };

    SetupStep(Kind kind, std::string name, std::string source, std::vector<std::byte> value)
        : kind_(kind), name_(std::move(name)), source_(std::move(source)), value_(std::move(value)) {}
    SetupStep(ScriptTarget target, std::vector<std::byte> arguments, std::size_t argument_count)
        : kind_(Kind::call),
          value_(std::move(arguments)),
          target_(std::move(target)),
          argument_count_(argument_count) {}

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    /// The name of the global; of a source that came from a file, its path; else empty.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& source() const noexcept { return source_; }
    /// The global's value, or the arguments of the call, as a `ValueWriter` wrote them.
    [[nodiscard]] const std::vector<std::byte>& value() const noexcept { return value_; }
    /// Of a call.
    [[nodiscard]] const ScriptTarget& target() const noexcept { return target_; }
    [[nodiscard]] std::size_t argument_count() const noexcept { return argument_count_; }

private:
    Kind kind_;
    std::string name_;
    std::string source_;
    std::vector<std::byte> value_;
    ScriptTarget target_{ScriptTarget::Kind::chunk, std::string()};
    std::size_t argument_count_ = 0;
};

class InterpreterPoolBase;

} // namespace detail

/// Options of an `InterpreterPoolExecutor`, and of a `ScriptPoolExecutor`. Sources, globals and initializers
/// take effect in the order of these calls, in each new interpreter.
class InterpreterPoolOptions {
public:
    InterpreterPoolOptions() = default;

    /// At most so many interpreters, each in a thread of its own; by default as many as a
    /// `ThreadPoolExecutor` has. Throws `ValueError` unless it is positive.
    InterpreterPoolOptions& max_workers(int count);
    /// Runs `text` in each new interpreter, to define functions. When it fails, the pool is broken.
    InterpreterPoolOptions& source(std::string text);
    /// The same with the contents of a file, which is read now and once, so that all interpreters run the
    /// same. Throws `std::system_error` if it cannot be read.
    InterpreterPoolOptions& source_file(const std::filesystem::path& path);
    /// Sets a global variable, to a copy of its own in each interpreter. Throws `ConversionError` when the
    /// value cannot enter an interpreter.
    template <class T>
    InterpreterPoolOptions& global(std::string name, const T& value) {
        using Input = std::decay_t<const T&>;
        static_assert(
            ValueInput<Input>,
            "this type has no value in an interpreter: use numbers, strings, standard containers and plain "
            "structs of them, or specialise aio::ValueCodec for it");
        detail::ValueWriter out;
        try {
            detail::ValueFormat<Input>::write(out, value);
        } catch (const ConversionError& error) {
            throw error.about("global '" + name + "'");
        }
        steps_.emplace_back(detail::SetupStep::Kind::global, std::move(name), std::string(), out.take());
        return *this;
    }
    /// Calls a function of the interpreter, which an earlier source has defined, or runs a chunk, with copies
    /// of the arguments, in each new interpreter: `initializer(lua("connect"), "db.example.org")`. When it
    /// fails, the pool is broken. Throws `ConversionError` when an argument cannot enter an interpreter.
    template <class Language, class R, class... Args>
    InterpreterPoolOptions& initializer(const Callee<Language, R>& function, const Args&... arguments) {
        static_assert((ValueInput<std::decay_t<const Args&>> && ...),
                      "this argument cannot be given to an interpreter: use numbers, strings, standard "
                      "containers and plain structs of them, or specialise aio::ValueCodec for its type");
        detail::ValueWriter out;
        try {
            (detail::ValueFormat<std::decay_t<const Args&>>::write(out, arguments), ...);
        } catch (const ConversionError& error) {
            throw error.about("argument of " + function.target().describe());
        }
        steps_.emplace_back(function.target(), out.take(), sizeof...(Args));
        return *this;
    }
    /// Ends each call with `ExecutionFailed` when it has taken so many steps of the interpreter; looked at
    /// every thousand steps or so. Not the preparation. By default there is no limit.
    InterpreterPoolOptions& instruction_limit(std::uint64_t instructions) noexcept;
    /// What each interpreter may hold at most, in bytes. A call that needs more ends with `ExecutionFailed`,
    /// a preparation that does breaks the pool. By default there is no limit.
    InterpreterPoolOptions& memory_limit(std::size_t bytes) noexcept;
    /// Closes each interpreter after so many calls; the next call gets a new one. Keeps what scripts leave
    /// behind from piling up. By default they live as long as the pool. Throws `ValueError` for 0.
    InterpreterPoolOptions& max_tasks_per_worker(std::size_t tasks);
    /// The threads are named `prefix`_N, as far as the system shows names.
    InterpreterPoolOptions& thread_name_prefix(std::string prefix);

private:
    friend class detail::InterpreterPoolBase;
    std::vector<detail::SetupStep> steps_;
    std::string thread_name_prefix_;
    ScriptLimits limits_;
    std::size_t max_tasks_per_worker_ = 0;
    /// 0 for the default.
    int max_workers_ = 0;
};

} // namespace aio
