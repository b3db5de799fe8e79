#pragma once

/// The error of a value that cannot enter an interpreter, leave it, or become the C++ type that was asked
/// for.

#include <string>
#include <utility>

#include <aio/core/errors.hpp>

namespace aio {

/// Says what was wrong, and where inside a nested value: "result of Lua function 'load': at [2].size:
/// expected an integer, got nil".
class ConversionError : public RuntimeError {
public:
    /// `problem` is what was wrong; `place` the way to it from the outermost value (`[2].size`), empty for
    /// that value itself; `subject` what the outermost value is.
    explicit ConversionError(std::string problem, std::string place = {}, std::string subject = {})
        : RuntimeError(text(problem, place, subject)),
          problem_(std::move(problem)),
          place_(std::move(place)),
          subject_(std::move(subject)) {}

    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
    [[nodiscard]] const std::string& place() const noexcept { return place_; }

    /// The same error seen from one level further out.
    [[nodiscard]] ConversionError within(const std::string& step) const {
        return ConversionError(problem_, step + place_, subject_);
    }
    /// The same error of a named value.
    [[nodiscard]] ConversionError about(std::string subject) const {
        return ConversionError(problem_, place_, std::move(subject));
    }

private:
    static std::string text(const std::string& problem, const std::string& place,
                            const std::string& subject) {
        std::string result;
        if (!subject.empty()) result += subject + ": ";
        if (!place.empty()) result += "at " + place + ": ";
        return result + problem;
    }

    std::string problem_;
    std::string place_;
    std::string subject_;
};

/// The name that Python's interpreters have for it.
using NotShareableError = ConversionError;

} // namespace aio
