#pragma once

/// The environment of this process, and its shell.

#include <map>
#include <string>
#include <vector>

namespace aio::uv {

/// All variables. Throws `std::system_error`.
[[nodiscard]] std::map<std::string, std::string> environment();

/// The program and arguments that have the system's shell run a command line.
[[nodiscard]] std::vector<std::string> shell_arguments(std::string command);

} // namespace aio::uv
