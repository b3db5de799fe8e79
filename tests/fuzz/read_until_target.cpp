#include "targets.hpp"

#include <aio/core/event_loop.hpp>
#include <aio/io/stream_connection.hpp>
#include <aio/testing/memory_stream.hpp>
#include <aio/testing/virtual_clock.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace {

using aio::StreamConnection;
using aio::StreamReader;
using aio::testing::MemoryStream;
using aio::testing::MemoryStreamOptions;

/// What an input is made of: numbers of one byte, then texts with their lengths, then the stream.
class Plan {
public:
    explicit Plan(std::span<const std::byte> bytes) : bytes_(bytes) {
        limit = 1 + number();
        chunks.assign(1 + number() % 3, 1);
        for (std::size_t& size : chunks) size = 1 + number() % 32;
        separators.resize(1 + number() % 3);
        for (std::string& separator : separators) {
            separator = text(1 + number() % 4);
            if (separator.empty()) separator = "\n";
        }
        stream = text(bytes_.size());
    }
    std::size_t limit = 0;
    std::vector<std::size_t> chunks;
    std::vector<std::string> separators;
    std::string stream;

private:
    std::size_t number() { return text(1).empty() ? 0 : static_cast<unsigned char>(last_); }
    std::string text(std::size_t size) {
        size = std::min(size, bytes_.size());
        std::string taken(reinterpret_cast<const char*>(bytes_.data()), size);
        bytes_ = bytes_.subspan(size);
        if (!taken.empty()) last_ = taken.back();
        return taken;
    }
    std::span<const std::byte> bytes_;
    char last_ = 0;
};

/// Where the first separator begins and ends, looked for byte by byte.
struct Match {
    std::size_t begin = std::string::npos;
    std::size_t end = std::string::npos;
};

Match plain_search(std::string_view text, const std::vector<std::string>& separators) {
    for (std::size_t end = 1; end <= text.size(); ++end) {
        for (const std::string& separator : separators) {
            if (text.substr(0, end).ends_with(separator)) return {end - separator.size(), end};
        }
    }
    return {};
}

/// A literal with the bytes 0 that are in it.
template <std::size_t Size>
constexpr std::string_view whole(const char (&text)[Size]) {
    return {text, Size - 1};
}

/// Reads piece after piece, and takes an overrun apart as its error says.
aio::Coro<> check_reads(const Plan& plan) {
    auto ends = MemoryStream::pair(MemoryStreamOptions().chunk_sizes(plan.chunks));
    StreamConnection from(std::move(ends.first));
    StreamConnection to(std::move(ends.second), plan.limit);
    from.writer.write(plan.stream);
    from.writer.close();
    std::string_view left = plan.stream;
    for (bool ended = false; !ended;) {
        const Match match = plain_search(left, plan.separators);
        std::optional<std::string> found;
        std::optional<std::string> partial;
        std::size_t consumed = 0;
        try {
            found = co_await to.reader.readuntil(plan.separators);
        } catch (const aio::IncompleteReadError& error) {
            partial = error.partial();
        } catch (const aio::LimitOverrunError& error) {
            consumed = error.consumed();
        }
        if (found) {
            fuzz::require(*found == left.substr(0, match.end), "what is read ends with the first separator");
            fuzz::require(match.begin <= plan.limit, "no more than the limit comes before it");
            left.remove_prefix(match.end);
        } else if (partial) {
            fuzz::require(match.end == std::string::npos, "the end comes only without a separator");
            fuzz::require(*partial == left, "all that was left is in the error");
            ended = true;
        } else {
            fuzz::require(consumed > plan.limit, "an overrun is over the limit");
            fuzz::require(consumed <= std::min(match.begin, left.size()), "what is safe is no separator");
            const std::string dropped = co_await to.reader.readexactly(consumed);
            fuzz::require(dropped == left.substr(0, consumed), "an overrun leaves the data in the stream");
            left.remove_prefix(consumed);
        }
    }
    fuzz::require(to.reader.at_eof(), "at the end nothing is left");
}

} // namespace

namespace fuzz {

void read_until(std::span<const std::byte> bytes) {
    const Plan plan(bytes);
    aio::testing::VirtualClock clock;
    aio::EventLoop loop(clock);
    loop.run_until_complete(check_reads(plan));
}

std::vector<Bytes> valid_separated() {
    const std::string_view texts[] = {
        // limit, number of chunks less one, their sizes, number of separators less one, length less one, text
        whole("\x05\x00\x00\x00\x01\r\none\r\ntwo\r\n\r\nthree and more"),
        whole("\x40\x02\x00\x01\x06\x01\x00\n\x01\r\none\ntwo\r\nthree\n\n"),
        whole("\x02\x01\x02\x03\x02\x03"
              "abab\x01"
              "ba\x00"
              "cxxababxbaccabaabab"),
    };
    return inputs_of(texts);
}

} // namespace fuzz
