#include "targets.hpp"

#include "../../samples/http_file_server/connection.hpp"

#include <aio/core/event_loop.hpp>
#include <aio/core/task.hpp>
#include <aio/io/stream_connection.hpp>
#include <aio/testing/memory_stream.hpp>
#include <aio/testing/virtual_clock.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace {

using aio::StreamConnection;
using aio::testing::MemoryStream;
using aio::testing::MemoryStreamOptions;

constexpr std::string_view secret = "nobody outside is to read this";

/// A directory to serve, with something beside it, to which links lead.
class Folder {
public:
    Folder() : top_(std::filesystem::temp_directory_path() / name()) {
        std::filesystem::create_directories(root() / "d");
        std::filesystem::create_directories(root() / "linked");
        write(top_ / "secret", secret);
        write(root() / "a", "0123456789");
        write(root() / "d" / "<&>.txt", "b");
        // Where links cannot be made there is less to find.
        std::error_code ignored;
        std::filesystem::create_symlink(top_ / "secret", root() / "out", ignored);
        std::filesystem::create_symlink(top_ / "secret", root() / "linked" / "index.html", ignored);
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(top_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::filesystem::path root() const { return top_ / "root"; }

private:
    static std::string name() { return "aiouv-fuzz-http-" + std::to_string(std::random_device{}()); }
    static void write(const std::filesystem::path& path, std::string_view text) {
        std::ofstream(path, std::ios::binary) << text;
    }
    std::filesystem::path top_;
};

const http_file_server::Site& site() {
    static const Folder folder;
    static const http_file_server::Site site = [] {
        http_file_server::Site made;
        made.root = folder.root();
        made.logs = false;
        return made;
    }();
    return site;
}

/// What the client gets until the server has nothing more to say.
aio::Coro<std::string> talk(StreamConnection client, std::string_view requests, bool ends) {
    client.writer.write(requests);
    if (ends) client.writer.write_eof();
    co_return co_await client.reader.read();
}

aio::Coro<std::string> answers_to(std::string_view requests, std::size_t chunk, bool ends) {
    auto streams = MemoryStream::pair(MemoryStreamOptions().chunk_size(chunk));
    StreamConnection server(std::move(streams.second), std::size_t(16) * 1024);
    aio::Task<> serving = aio::create_task(
        http_file_server::serve_client(site(), 0, std::move(server.reader), std::move(server.writer)));
    const std::string answers = co_await talk(StreamConnection(std::move(streams.first)), requests, ends);
    co_await std::move(serving);
    co_return answers;
}

std::string_view take(std::string_view& text, std::size_t size) {
    const std::string_view taken = text.substr(0, size);
    text.remove_prefix(taken.size());
    return taken;
}

std::uint64_t length_in(std::string_view header) {
    constexpr std::string_view field = "\r\nContent-Length: ";
    const std::size_t at = header.find(field);
    fuzz::require(at != std::string_view::npos, "an answer says how long it is");
    std::uint64_t length = 0;
    const std::string_view digits = header.substr(at + field.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), length);
    return length;
}

void check(std::string_view answers) {
    fuzz::require(answers.find(secret) == std::string_view::npos, "nothing outside of the root is shown");
    constexpr std::string_view version = "HTTP/1.1 ";
    constexpr std::string_view end_of_header = "\r\n\r\n";
    constexpr int possible[] = {200, 206, 301, 304, 400, 403, 404, 405, 408, 413, 416, 431, 501, 505};
    while (!answers.empty()) {
        const std::size_t end = answers.find(end_of_header);
        fuzz::require(answers.starts_with(version) && end != std::string_view::npos,
                      "an answer has a header");
        const std::string_view header = take(answers, end + end_of_header.size());
        int status = 0;
        std::from_chars(header.data() + version.size(), header.data() + header.size(), status);
        fuzz::require(std::ranges::find(possible, status) != std::end(possible), "the status is a known one");
        // No text that is served begins as an answer does: what does comes after one to HEAD.
        if (status == 304 || answers.empty() || answers.starts_with(version)) continue;
        const std::uint64_t length = length_in(header);
        fuzz::require(length <= answers.size(), "an answer is as long as it says");
        take(answers, static_cast<std::size_t>(length));
    }
}

} // namespace

namespace fuzz {

void serve_requests(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    const auto plan = std::to_integer<unsigned>(bytes.front());
    const std::string_view requests(reinterpret_cast<const char*>(bytes.data()) + 1, bytes.size() - 1);
    aio::testing::VirtualClock clock;
    aio::EventLoop loop(clock);
    const bool ends = plan % 2 == 0;
    check(loop.run_until_complete(answers_to(requests, 1 + plan / 2, ends)));
}

std::vector<Bytes> valid_requests() {
    const std::string_view texts[] = {
        // in what pieces, and whether the client stays; then the requests
        "\x06GET /a HTTP/1.1\r\nHost: x\r\nRange: bytes=2-4\r\n\r\nHEAD /d/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "\x41GET /linked/ HTTP/1.1\r\nHost: x\r\n\r\nGET http://x/out HTTP/1.0\r\nIf-None-Match: *\r\n\r\n",
        "\xf0GET /%64/../secret HTTP/1.1\r\nHost: x\r\n\r\nGET /d?q HTTP/1.1\r\nHost: x\r\n\r\n",
        "\xf0GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    };
    return inputs_of(texts);
}

} // namespace fuzz
