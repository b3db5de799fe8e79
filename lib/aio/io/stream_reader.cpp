#include <aio/io/stream_reader.hpp>

#include <optional>

namespace aio {
namespace {

AsyncGenerator<std::string> lines_of(StreamReader& reader) {
    for (;;) {
        std::optional<std::string> line = co_await reader.next();
        if (!line) co_return;
        co_yield std::move(*line);
    }
}

} // namespace

AsyncGenerator<std::string> StreamReader::lines() { return lines_of(*this); }

} // namespace aio
