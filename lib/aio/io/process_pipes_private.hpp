#pragma once

/// Not installed: what is done with the pipes of processes.

#include <optional>
#include <string>

#include <aio/core/coro.hpp>
#include <aio/core/ref.hpp>
#include <aio/io/process_state.hpp>

namespace aio::detail {

/// What has been read from the pipes of a process; nothing where there is no pipe.
struct ProcessTexts {
    std::optional<std::string> output;
    std::optional<std::string> errors;
};

/// Gives `input` to the first process, and reads the output and the errors of the last one, which may be the
/// same, to their ends, all at the same time. Closes the pipes that it is through with. Those that are closed
/// already have nothing more to give. Throws `ValueError` for input that there is no open pipe for; what goes
/// wrong with one pipe ends the work on the others.
[[nodiscard]] Coro<ProcessTexts> exchange(Ref<ProcessState> first, Ref<ProcessState> last, std::string input);

} // namespace aio::detail
