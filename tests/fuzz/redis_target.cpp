#include "targets.hpp"

#include "../../samples/redis_client/resp.hpp"

#include <aio/core/event_loop.hpp>
#include <aio/io/stream_connection.hpp>
#include <aio/testing/memory_stream.hpp>
#include <aio/testing/virtual_clock.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace {

using aio::StreamConnection;
using aio::testing::MemoryStream;
using aio::testing::MemoryStreamOptions;

/// How the values that have been read went on.
struct Conversation {
    std::string values;
    std::size_t count = 0;
    std::string end;
    friend bool operator==(const Conversation&, const Conversation&) = default;
};

aio::Coro<Conversation> read_all(std::string_view text, std::size_t piece) {
    auto ends = MemoryStream::pair(MemoryStreamOptions().chunk_size(piece));
    StreamConnection server(std::move(ends.first));
    StreamConnection client(std::move(ends.second), 1024);
    server.writer.write(text);
    server.writer.close();
    Conversation all;
    while (all.end.empty()) {
        try {
            const redis::Value value = co_await redis::read_value(client.reader);
            all.values += value.to_string() + "\n";
            ++all.count;
        } catch (const redis::ProtocolError& error) {
            all.end = error.what();
        } catch (const aio::IncompleteReadError&) {
            all.end = "the end";
        }
    }
    co_return all;
}

Conversation read_in_pieces(std::string_view text, std::size_t piece) {
    aio::testing::VirtualClock clock;
    aio::EventLoop loop(clock);
    return loop.run_until_complete(read_all(text, piece));
}

} // namespace

namespace fuzz {

void read_answers(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    const std::size_t piece = 1 + std::to_integer<std::size_t>(bytes.front()) % 64;
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 1, bytes.size() - 1);
    const Conversation in_pieces = read_in_pieces(text, piece);
    require(in_pieces == read_in_pieces(text, bytes.size()),
            "it makes no difference in what pieces bytes come");
    // The shortest is "_\r\n".
    require(in_pieces.count <= text.size() / 3, "there are no more values than there is room for");
}

std::vector<Bytes> valid_answers() {
    const std::string_view texts[] = {
        // in what pieces, then the answers
        "\x01+OK\r\n-ERR wrong\r\n:-42\r\n$5\r\nhe\r\no\r\n$-1\r\n*-1\r\n_\r\n#t\r\n,1.5\r\n",
        "\x06*3\r\n:1\r\n$0\r\n\r\n*2\r\n+a\r\n-b\r\n%1\r\n+key\r\n:7\r\n~1\r\n(12345678901234567890\r\n",
        "\x40>3\r\n+message\r\n$4\r\nnews\r\n$2\r\nhi\r\n=7\r\ntxt:abc\r\n!3\r\nERR\r\n*0\r\n",
    };
    return inputs_of(texts);
}

} // namespace fuzz
