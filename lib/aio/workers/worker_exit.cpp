#include <aio/workers/worker_exit.hpp>

#include <cstddef>

namespace aio {
namespace {

constexpr std::size_t most_lines = 5;
constexpr std::size_t most_bytes = 1000;

} // namespace

std::string WorkerExit::last_words() const {
    const std::size_t end = errors.find_last_not_of("\n\r ");
    if (end == std::string::npos) return {};
    std::size_t start = end;
    for (std::size_t lines = 0; start > 0 && end - start < most_bytes; --start)
        if (errors[start - 1] == '\n' && ++lines == most_lines) break;
    return "; its last words: " + errors.substr(start, end + 1 - start);
}

} // namespace aio
