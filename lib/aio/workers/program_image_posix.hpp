#pragma once
// This program, as it takes to execute it once more.

#include <string>
#include <vector>

namespace aio::detail {

/// Not where its file lies, where the system has a name for what runs: the file may have been replaced by
/// another build since.
[[nodiscard]] std::string program_path();

/// As this process was given them, the name first.
[[nodiscard]] std::vector<std::string> program_arguments();

/// The environment of this process and one variable more, as "NAME=value".
[[nodiscard]] std::vector<std::string> environment_with(const std::string& extra);

/// The form that exec takes. Valid as long as the texts are.
[[nodiscard]] std::vector<char*> pointers_to(std::vector<std::string>& texts);

} // namespace aio::detail
