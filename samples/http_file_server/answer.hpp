#pragma once

/// What a request gets: found in the file system, and not yet sent.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <aio/aio.hpp>

#include "request.hpp"

namespace http_file_server {

class Answer {
public:
    int status = 200;
    /// Lines of the header beside those that every answer has, each with its end.
    std::string fields;
    /// The body is this text, or else a part of a file.
    std::string text;
    std::optional<aio::File> file;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;

    void add(std::string_view name, std::string_view value);
};

/// Throws `HttpError` when there is no such file, and for other methods than GET and HEAD.
[[nodiscard]] aio::Coro<Answer> answer(const std::filesystem::path& root, const Request& request);

/// A page that says what went wrong.
[[nodiscard]] Answer error_page(const HttpError& error);

/// "Sun, 06 Nov 1994 08:49:37 GMT"
[[nodiscard]] std::string http_date(std::chrono::system_clock::time_point time);

/// A part of a file of that size, as `Range` asks for it ("bytes=10-19"). Nothing if the whole is to be sent:
/// several ranges are not worth the trouble. Throws `HttpError`, 416, if there is nothing of it.
struct Part {
    std::uint64_t first = 0;
    std::uint64_t size = 0;
};
[[nodiscard]] std::optional<Part> part_of(std::string_view range, std::uint64_t size);

} // namespace http_file_server
