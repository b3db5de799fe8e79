#pragma once

/// A child process that every system can run: this program itself, of which one test case is the child. That
/// is skipped by everybody else.

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <uv.h>

namespace aio::test {

/// The command that runs a test case; nothing but what it writes itself is written.
inline std::vector<std::string> own_program(const std::string& test_case) {
    char path[4096];
    std::size_t size = sizeof path;
    REQUIRE(uv_exepath(path, &size) == 0);
    return {std::string(path, size), "--no-skip", "--quiet", "--test-case=" + test_case};
}

} // namespace aio::test
