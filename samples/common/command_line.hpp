#pragma once

/// The command line of a sample: options with and without a value, in any order, and what is left.

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace samples {

/// Says what is wrong with the arguments.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Ask for every option first, then for the rest.
class CommandLine {
public:
    explicit CommandLine(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
        const auto dashes = std::ranges::find(arguments_, "--");
        if (dashes == arguments_.end()) return;
        after_dashes_.assign(dashes + 1, arguments_.end());
        arguments_.erase(dashes, arguments_.end());
    }

    /// What stands behind "--", whatever it looks like. Ask before the rest, which has it otherwise.
    [[nodiscard]] std::vector<std::string> take_after_dashes() { return std::exchange(after_dashes_, {}); }
    /// Whether the option is there.
    [[nodiscard]] bool flag(const std::string& name) { return std::erase(arguments_, name) > 0; }
    /// The value that follows the option. Throws `UsageError` if nothing follows.
    [[nodiscard]] std::optional<std::string> value(const std::string& name) {
        const auto found = std::ranges::find(arguments_, name);
        if (found == arguments_.end()) return std::nullopt;
        if (found + 1 == arguments_.end()) throw UsageError(name + " needs a value");
        std::string value = *(found + 1);
        arguments_.erase(found, found + 2);
        return value;
    }
    /// The same as a number between two others.
    template <class T>
    [[nodiscard]] T number(const std::string& name, T otherwise, T least, T most) {
        const std::optional<std::string> text = value(name);
        return text ? to_number(name, *text, least, most) : otherwise;
    }
    template <class T>
    [[nodiscard]] static T to_number(const std::string& name, const std::string& text, T least, T most) {
        T value{};
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, value);
        // Written so that what is no number at all (NaN) is refused too.
        if (error != std::errc() || stop != end || !(value >= least && value <= most))
            throw UsageError(name + " cannot be '" + text + "'");
        return value;
    }
    /// What is left, between so few and so many. Throws `UsageError` for an option that nobody has asked for.
    [[nodiscard]] std::vector<std::string> rest(std::size_t least, std::size_t most) const {
        for (const std::string& argument : arguments_)
            if (argument.size() > 1 && argument.front() == '-')
                throw UsageError("there is no option '" + argument + "'");
        std::vector<std::string> rest = arguments_;
        rest.insert(rest.end(), after_dashes_.begin(), after_dashes_.end());
        if (rest.size() < least) throw UsageError("an argument is missing");
        if (rest.size() > most) throw UsageError("'" + rest[most] + "' is one argument too many");
        return rest;
    }

private:
    std::vector<std::string> arguments_;
    std::vector<std::string> after_dashes_;
};

} // namespace samples
