#pragma once

/// Not installed: what is done with the pipes of processes.

#include <exception>
#include <string>

#include <aio/core/coro.hpp>
#include <aio/io/pipe_stream.hpp>

namespace aio::detail {

/// Writes all of `input` and closes the stream; gives what went wrong, if that is not that nobody wanted it.
[[nodiscard]] Coro<std::exception_ptr> feed(PipeStream& stream, std::string input);
/// Reads to the end, appending to `text`, and closes the stream; gives what went wrong.
[[nodiscard]] Coro<std::exception_ptr> drain(PipeStream& stream, std::string& text);

} // namespace aio::detail
