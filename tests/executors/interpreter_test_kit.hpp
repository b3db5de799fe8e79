#pragma once

/// What the tests of interpreter pools share.

#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>

#include "support/text.hpp"

namespace interpreter_test {

using aio::test::contains;

/// The error of that type which `function()` throws.
template <class Error, class F>
Error caught(F function) {
    try {
        function();
    } catch (const Error& error) {
        return error;
    }
    throw std::logic_error("no such error was thrown");
}

/// A path that nobody else has; what is there at the end is removed.
class TemporaryPath {
public:
    TemporaryPath()
        : path_(std::filesystem::temp_directory_path() /
                ("aiouv_test_" + random_digits() + random_digits() + ".lua")) {}
    explicit TemporaryPath(const std::string& content) : TemporaryPath() { write(content); }
    TemporaryPath(const TemporaryPath&) = delete;
    TemporaryPath& operator=(const TemporaryPath&) = delete;
    ~TemporaryPath() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    void write(const std::string& content) const { std::ofstream(path_, std::ios::binary) << content; }

private:
    static std::string random_digits() { return std::to_string(std::random_device()()); }
    std::filesystem::path path_;
};

/// Keeps a script waiting until it is opened: by a file, because a script has no other way to hear from the
/// program.
class Gate {
public:
    void open() const { file_.write("open"); }
    [[nodiscard]] const std::filesystem::path& path() const { return file_.path(); }
    /// A chunk that passes the gate whose path is its argument.
    static constexpr const char* pass =
        "local path, f = ... repeat f = io.open(path) until f; f:close(); return 'passed'";

private:
    TemporaryPath file_;
};

/// The source that most pools here begin with.
inline constexpr const char* functions = R"(
    function cpu_bound(n)
        local sum = 0
        for i = 1, n do sum = sum + i * i end
        return sum
    end
    filters = { keep = function(name, size) return size > 10 and name:sub(1, 1) ~= "." end }
    function boom(text) error(text) end
    local function inner(x) return x.field end
    function outer(x) return (inner(x)) end
)";

} // namespace interpreter_test
