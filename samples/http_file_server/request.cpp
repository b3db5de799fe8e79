// The parser is Boost.Beast's: requests come from strangers, and it has read very many of them.

#include "request.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>

namespace http_file_server {
namespace {

namespace http = boost::beast::http;

std::optional<std::string> field(const http::request<http::empty_body>& request, http::field name) {
    const auto found = request.find(name);
    if (found == request.end()) return std::nullopt;
    return std::string(found->value());
}

/// The path of a target in absolute form ("http://host/path"), which every server has to understand.
std::string path_of(std::string_view target) {
    const std::size_t scheme = target.find("://");
    if (target.starts_with('/') || scheme == std::string_view::npos) return std::string(target);
    target.remove_prefix(scheme + 3);
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
    return (target.starts_with('/') ? "" : "/") + std::string(target);
}

} // namespace

Request parse_request(std::string_view header) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(header.size() + 1));
    // However large a body is, that it is there is what is wrong.
    parser.body_limit(std::numeric_limits<std::uint64_t>::max());
    boost::system::error_code error;
    parser.put(boost::asio::buffer(header.data(), header.size()), error);
    if (error == http::error::bad_version) throw HttpError(505, "HTTP/1.0 and HTTP/1.1 are spoken here");
    if (error == http::error::unexpected_body) throw HttpError(413, "a request for a file has no body");
    if (error) throw HttpError(400, "this is no request: " + error.message());
    if (!parser.is_header_done()) throw HttpError(400, "this is no request: it does not end");
    if (parser.chunked() || parser.content_length().value_or(0) > 0)
        throw HttpError(413, "a request for a file has no body");
    const http::request<http::empty_body>& parsed = parser.get();
    // A body whose length nobody here can tell: what comes next could be anything.
    if (parsed.count(http::field::transfer_encoding) > 0)
        throw HttpError(501, "this transfer coding is not known here");
    if (parsed.method() == http::verb::unknown) throw HttpError(501, "this method is not known here");
    if (parsed.version() == 11 && parsed.count(http::field::host) != 1)
        throw HttpError(400, "a request of HTTP/1.1 names one host");
    Request request;
    request.method = std::string(parsed.method_string());
    request.target = path_of(std::string_view(parsed.target().data(), parsed.target().size()));
    request.keep_alive = parsed.keep_alive();
    // It means something for GET alone.
    if (parsed.method() == http::verb::get) request.range = field(parsed, http::field::range);
    request.if_range = field(parsed, http::field::if_range);
    request.if_none_match = field(parsed, http::field::if_none_match);
    request.if_modified_since = field(parsed, http::field::if_modified_since);
    return request;
}

const char* reason_phrase(int status) noexcept {
    // The texts are literals, which end with a zero byte.
    return http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status))).data();
}

} // namespace http_file_server
