#pragma once

/// `ScriptBackend`: what an interpreter of any language must do to run in a `ScriptPoolExecutor`. aiouv
/// brings one for Lua, in `InterpreterPoolExecutor`; JavaScript, Python or a language of your own takes a
/// class like this one:
///
///     class JavaScript {
///     public:
///         static constexpr const char* language = "JavaScript";
///         JavaScript();                                               // create
///         ~JavaScript();                                              // close
///         void set_global(const std::string& name, const aio::Value& value);
///         aio::Value exec(const std::string& source, const aio::ScriptRun& run);
///         aio::Value call(const std::string& function, std::span<const aio::Value> arguments,
///                         const aio::ScriptRun& run);
///         bool usable() const noexcept;                               // optional
///     };
///     aio::ScriptPoolExecutor<JavaScript> scripts(aio::InterpreterPoolOptions().source(functions));
///
/// *Threads.* Each worker thread makes one object, uses it, and destroys it: it needs no lock, and may use an
/// engine that insists on one thread. It must share nothing with other objects of its class: a Python backend
/// makes a subinterpreter with its own lock, not a second user of the main one.
///
/// *Values* go in and out as `aio::Value`, copied. What the language cannot express, or the program not read,
/// is a `ConversionError`: throw it. A `std::tuple` that is wanted as the result is read from a table with
/// that many elements.
///
/// *Errors* of a script are thrown as `ScriptError`, with the message and the traceback as text: it is a
/// picture of the error, because the error object belongs to the interpreter. The caller gets
/// `ExecutionFailed`. Any other exception reaches the caller as it is.
///
/// *Interruption.* `run.stop` is requested, by another thread, when the call is cancelled or the pool
/// terminated. Engines with a hook that they call now and then ask it there: `JS_SetInterruptHandler` with
/// `run.stop.stop_requested()`. Those that are interrupted from outside (`PyErr_SetInterruptEx`,
/// `v8::Isolate::TerminateExecution`) make a `std::stop_callback` for the time of the run, whose destructor
/// waits until the callback has ended. Then throw `ScriptError`. A backend that ignores it cannot be stopped;
/// all else works.
///
/// *Limits*, `run.limits`, are a backend's own business in the same way: what it cannot count it ignores.
/// After a call it may say by `usable() == false` that the interpreter is to be replaced.

#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/executors/interpreters/execution_failed.hpp>
#include <aio/executors/interpreters/interpreter.hpp>
#include <aio/executors/interpreters/script_run.hpp>
#include <aio/executors/interpreters/value.hpp>
#include <aio/executors/interpreters/value_reader.hpp>
#include <aio/executors/interpreters/value_writer.hpp>

namespace aio {

/// What a backend throws when a script has failed.
class ScriptError : public RuntimeError {
public:
    explicit ScriptError(const std::string& message, std::string traceback = {})
        : RuntimeError(message), traceback_(std::move(traceback)) {}
    [[nodiscard]] const std::string& traceback() const noexcept { return traceback_; }

private:
    std::string traceback_;
};

/// See the head of this file.
template <class B>
concept ScriptBackend = requires(B& backend, const std::string& text, const Value& value,
                                 std::span<const Value> arguments, const ScriptRun& run) {
    { B::language } -> std::convertible_to<std::string_view>;
    backend.set_global(text, value);
    { backend.exec(text, run) } -> std::convertible_to<Value>;
    { backend.call(text, arguments, run) } -> std::convertible_to<Value>;
};

namespace detail {

/// A backend as the pool sees it.
template <class B>
class BackendInterpreter final : public Interpreter {
public:
    /// `make()` gives the backend.
    template <class Make>
    BackendInterpreter(const InterpreterSetup& setup, Make make) : backend_(make()) {
        for (const SetupStep& step : setup.steps) prepare(step, setup.run);
    }

    [[nodiscard]] std::span<const std::byte> call(const ScriptTarget& target,
                                                  std::span<const std::byte> arguments,
                                                  std::size_t argument_count, std::size_t result_count,
                                                  const ScriptRun& run) override {
        const Value result = run_target(target, arguments, argument_count, run);
        results_.clear();
        if (result_count == 1) {
            write_value(results_, result);
        } else if (result_count != 0) {
            if (!result.is_table() || result.array().size() != result_count)
                throw ConversionError("expected a table of " + std::to_string(result_count) +
                                      " values, got " + to_string(result));
            for (const Value& part : result.array()) write_value(results_, part);
        }
        return results_.bytes();
    }
    [[nodiscard]] bool spent() const noexcept override {
        if constexpr (requires {
                          { backend_->usable() } -> std::convertible_to<bool>;
                      })
            return !backend_->usable();
        else
            return false;
    }

private:
    void prepare(const SetupStep& step, const ScriptRun& run) {
        switch (step.kind()) {
        case SetupStep::Kind::global: {
            ValueReader in(step.value());
            const auto value = read_value<Value>(in);
            naming([&] { return "setting the global '" + step.name() + "'"; },
                   [&] { backend_->set_global(step.name(), value); });
            return;
        }
        case SetupStep::Kind::source:
            naming([&] { return "the initial source" + (step.name().empty() ? "" : " " + step.name()); },
                   [&] { static_cast<void>(backend_->exec(step.source(), run)); });
            return;
        case SetupStep::Kind::call:
            static_cast<void>(run_target(step.target(), step.value(), step.argument_count(), run));
            return;
        }
    }

    Value run_target(ScriptTarget target, std::span<const std::byte> bytes, std::size_t count,
                     const ScriptRun& run) {
        target.set_language(B::language);
        ValueReader in(bytes);
        std::vector<Value> arguments;
        arguments.reserve(count);
        for (std::size_t i = 0; i < count; ++i) arguments.push_back(read_value<Value>(in));
        return naming([&] { return target.describe(); },
                      [&]() -> Value {
                          if (target.kind() == ScriptTarget::Kind::function)
                              return backend_->call(target.text(), arguments, run);
                          if (count != 0)
                              throw ScriptError(
                                  "a source takes no arguments: define a function and call that");
                          return backend_->exec(target.text(), run);
                      });
    }

    template <class Name, class F>
    static auto naming(Name name, F function) -> decltype(function()) {
        // Thrown outside of the handler, so that the error of the backend is gone before.
        std::optional<ExecutionFailed> failed;
        try {
            return function();
        } catch (const ScriptError& error) {
            failed.emplace(name(), error.what(), error.traceback());
        }
        throw std::move(*failed);
    }

    std::unique_ptr<B> backend_;
    ValueWriter results_;
};

} // namespace detail
} // namespace aio
