#include "connection.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "answer.hpp"

namespace http_file_server {
namespace {

constexpr std::size_t piece_size = 256 * 1024;

/// The header of a request; nothing if the client has gone, or has nothing to ask for too long. Throws
/// `HttpError`.
aio::Coro<std::optional<std::string>> read_header(const Site& site, aio::StreamReader& reader) {
    std::string first;
    try {
        // Some clients send an empty line after a body, which is to be passed over (RFC 9112, 2.2).
        for (int i = 0; i < 3 && (i == 0 || first == "\r" || first == "\n"); ++i)
            first = co_await aio::wait_for(reader.read(1), site.idle_time);
    } catch (const aio::TimeoutError&) {
        co_return std::nullopt;
    }
    if (first.empty()) co_return std::nullopt;
    try {
        std::string rest = co_await aio::wait_for(reader.readuntil("\r\n\r\n"), site.header_time);
        co_return first + rest;
    } catch (const aio::TimeoutError&) {
        throw HttpError(408, "the request takes too long");
    } catch (const aio::LimitOverrunError&) {
        throw HttpError(431, "the request is too long");
    } catch (const aio::IncompleteReadError&) {
        co_return std::nullopt;
    }
}

/// False if the file has become shorter meanwhile: then only the end of the connection can say so.
aio::Coro<bool> send(const Site& site, aio::StreamWriter& writer, Answer& answer, bool keep_alive,
                     bool head) {
    std::string header =
        "HTTP/1.1 " + std::to_string(answer.status) + " " + reason_phrase(answer.status) + "\r\n";
    header += "Date: " + http_date(std::chrono::system_clock::now()) + "\r\n" + answer.fields;
    if (answer.status != 304) header += "Content-Length: " + std::to_string(answer.size) + "\r\n";
    header += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
    if (!head) header += answer.text;
    for (std::string_view rest = header; !rest.empty(); rest.remove_prefix(std::min(piece_size, rest.size())))
        co_await aio::wait_for(writer.write_all(rest.substr(0, piece_size)), site.send_time);
    if (head || !answer.file) co_return true;
    std::uint64_t sent = 0;
    while (sent < answer.size) {
        const std::uint64_t wanted = std::min<std::uint64_t>(piece_size, answer.size - sent);
        const std::uint64_t count = co_await aio::wait_for(
            aio::sendfile(writer, *answer.file, answer.offset + sent, wanted), site.send_time);
        if (count == 0) co_return false;
        sent += count;
    }
    co_return true;
}

void log(const Site& site, const std::string& peer, const std::optional<Request>& request,
         const Answer& answer) {
    if (!site.logs) return;
    std::printf("%s \"%s %s\" %d %llu\n", peer.c_str(), request ? request->method.c_str() : "-",
                request ? request->target.c_str() : "-", answer.status,
                static_cast<unsigned long long>(answer.size));
}

/// Answers one request. False if there is to be no other.
aio::Coro<bool> serve_request(const Site& site, aio::StreamReader& reader, aio::StreamWriter& writer,
                              const std::string& peer) {
    std::optional<Request> request;
    std::optional<HttpError> refusal;
    std::optional<Answer> found;
    bool head = false;
    try {
        const std::optional<std::string> header = co_await read_header(site, reader);
        if (!header) co_return false;
        // Also if nothing else in it can be understood.
        head = header->starts_with("HEAD ");
        request = parse_request(*header);
        found = co_await answer(site.root, *request);
    } catch (const HttpError& error) {
        refusal = error;
    } catch (const aio::LimitOverrunError&) {
        refusal = HttpError(431, "the request is too long");
    }
    if (refusal) found = error_page(*refusal);
    // After a request that could not be read nobody knows where the next one begins.
    const bool keep_alive = request && request->keep_alive;
    log(site, peer, request, *found);
    const bool whole = co_await send(site, writer, *found, keep_alive, head);
    co_return whole&& keep_alive;
}

aio::Coro<> read_to_the_end(aio::StreamReader& reader) {
    for (;;) {
        const std::string ignored = co_await reader.read(65536);
        if (ignored.empty()) co_return;
    }
}

} // namespace

aio::Coro<> serve_client(const Site& site, std::size_t others, aio::StreamReader reader,
                         aio::StreamWriter writer) {
    const std::string peer = writer.peername() ? writer.peername()->to_string() : "a local client";
    bool broken = false;
    try {
        if (others >= site.most_connections) {
            Answer busy = error_page(HttpError(503, "there are too many clients; come again"));
            co_await send(site, writer, busy, false, false);
        } else {
            for (bool more = true; more;) more = co_await serve_request(site, reader, writer, peer);
        }
    } catch (const std::system_error&) {
        // The client has gone, or its file cannot be read any more.
        broken = true;
    } catch (const aio::TimeoutError&) {
        broken = true;
    }
    if (broken) {
        writer.abort();
        co_return;
    }
    // What was said has to arrive, though the client may still be talking.
    try {
        writer.write_eof();
        co_await aio::wait_for(read_to_the_end(reader), std::chrono::seconds(1));
    } catch (const std::exception&) {
        // It has not noticed.
    }
}

} // namespace http_file_server
