#pragma once

/// How each new interpreter of a pool is prepared, and the options of a pool.

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <aio/executors/interpreters/value.hpp>

namespace aio {
namespace detail {

/// One step of the preparation: runs a source, or sets a global.
class SetupStep {
public:
    enum class Kind { source, global };

    SetupStep(Kind kind, std::string name, std::string source, std::vector<std::byte> value)
        : kind_(kind), name_(std::move(name)), source_(std::move(source)), value_(std::move(value)) {}

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    /// The name of the global; of a source that came from a file, its path; else empty.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& source() const noexcept { return source_; }
    /// The global's value, as a `ValueWriter` wrote it.
    [[nodiscard]] const std::vector<std::byte>& value() const noexcept { return value_; }

private:
    Kind kind_;
    std::string name_;
    std::string source_;
    std::vector<std::byte> value_;
};

} // namespace detail

/// Options of an `InterpreterPoolExecutor`. Sources and globals take effect in the order of these calls, in
/// each new interpreter.
class InterpreterPoolOptions {
public:
    InterpreterPoolOptions() = default;

    /// Runs `lua_source` in each new interpreter, to define functions. When it fails, the pool is broken.
    InterpreterPoolOptions& source(std::string lua_source);
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
    /// The threads are named `prefix`_N, as far as the system shows names.
    InterpreterPoolOptions& thread_name_prefix(std::string prefix);

private:
    friend class InterpreterPoolExecutor;
    std::vector<detail::SetupStep> steps_;
    std::string thread_name_prefix_;
};

} // namespace aio
