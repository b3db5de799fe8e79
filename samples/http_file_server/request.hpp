#pragma once

/// A request of HTTP/1.1, as far as a server of files cares.

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace http_file_server {

/// What a client gets instead of what it has asked for.
class HttpError : public std::runtime_error {
public:
    HttpError(int status, const std::string& reason) : std::runtime_error(reason), status_(status) {}
    [[nodiscard]] int status() const noexcept { return status_; }

private:
    int status_;
};

struct Request {
    std::string method;
    /// A path and a query, also if the client has named this server before them.
    std::string target;
    bool keep_alive = true;
    std::optional<std::string> range;
    std::optional<std::string> if_range;
    std::optional<std::string> if_none_match;
    std::optional<std::string> if_modified_since;
};

/// Reads the header of a request, the empty line included. Throws `HttpError`: 400 for what is no request,
/// 413 if a body follows, 501 for a method or a transfer coding that is not known, 505 for another version
/// than 1.0 and 1.1.
[[nodiscard]] Request parse_request(std::string_view header);

/// What stands in the first line of an answer.
[[nodiscard]] const char* reason_phrase(int status) noexcept;

} // namespace http_file_server
