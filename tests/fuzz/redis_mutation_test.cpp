// What the Redis client of the samples makes of what a server says.

#include "mutations.hpp"
#include "targets.hpp"

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/stream_connection.hpp>
#include <aio/testing/memory_stream.hpp>

#include "../../samples/redis_client/resp.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using testing::MemoryStream;

namespace {

/// Reads one value; its kind is in the text.
Coro<std::string> value_in(std::string text) {
    auto ends = MemoryStream::pair();
    StreamConnection server(std::move(ends.first));
    StreamConnection client(std::move(ends.second));
    server.writer.write(text);
    server.writer.close();
    const redis::Value value = co_await redis::read_value(client.reader);
    const std::string rest = co_await client.reader.read();
    co_return value.to_string() + (rest.empty() ? "" : " and more");
}

/// As redis-cli shows it, or the error.
std::string read(const std::string& text) {
    TestLoop test;
    std::string shown;
    const std::string error = thrown_by([&] { shown = test.loop.run_until_complete(value_in(text)); });
    return error == "none" ? shown : error;
}

} // namespace

TEST_CASE("redis client: every kind of answer is understood") {
    CHECK(read("+OK\r\n") == "\"OK\"");
    CHECK(read("-ERR no\r\n") == "(error) ERR no");
    CHECK(read(":-9223372036854775808\r\n") == "-9223372036854775808");
    CHECK(read("$7\r\nhe\r\nyou\r\n") == "\"he\r\nyou\"");
    CHECK(read("$0\r\n\r\n") == "\"\"");
    for (const char* const null : {"$-1\r\n", "*-1\r\n", "_\r\n"}) CHECK(read(null) == "(nil)");
    CHECK(read("*2\r\n:1\r\n*1\r\n+a\r\n") == "[1, [\"a\"]]");
    CHECK(read("*0\r\n") == "[]");
    CHECK(read("%1\r\n+key\r\n:7\r\n") == "[\"key\", 7]");
    CHECK(read("~1\r\n#t\r\n") == "[1]");
    CHECK(read(">1\r\n,1.5\r\n") == "[\"1.5\"]");
    CHECK(read("!3\r\nERR\r\n") == "(error) ERR");
    CHECK(read("(123456789012345678901234567890\r\n") == "\"123456789012345678901234567890\"");
    CHECK(read(":1\r\n:2\r\n") == "1 and more");
}

TEST_CASE("redis client: what is no answer, or more than anybody wants, is an error that says so") {
    CHECK(contains(read(":1x\r\n"), "'1x' is no number"));
    CHECK(contains(read(":\r\n"), "is no number"));
    CHECK(contains(read(":9223372036854775808\r\n"), "is no number"));
    CHECK(contains(read("$-2\r\n"), "a length of -2"));
    CHECK(contains(read("$536870913\r\n"), "a length of"));
    CHECK(contains(read("*10000001\r\n"), "a length of"));
    CHECK(contains(read("%5000001\r\n"), "a length of"));
    CHECK(contains(read("$2\r\nabc\r\n"), "does not end where it should"));
    CHECK(contains(read("\r\n"), "an empty line"));
    CHECK(contains(read("HTTP/1.1 400 Bad Request\r\n"), "begins no value"));
    CHECK(contains(read("+" + io_test::long_text(200'000) + "\r\n"), "a line without end"));
    std::string deep;
    for (int i = 0; i < 1000; ++i) deep += "*1\r\n";
    CHECK(contains(read(deep), "too deep"));
    for (const char* const part : {"", ":1", "$5\r\nhel", "*2\r\n:1\r\n", "$5\r\nhello\r"})
        CHECK(contains(read(part), "bytes read"));
}

TEST_CASE("redis client: a command is a list of texts, whatever is in them") {
    std::string command;
    const std::string zero(1, '\0');
    redis::append_command(command, {"SET", "k\r\n", zero, ""});
    CHECK((command == "*4\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$1\r\n" + zero + "\r\n$0\r\n\r\n"));
    CHECK((read(command) == "[\"SET\", \"k\r\n\", \"" + zero + "\", \"\"]"));
}

TEST_CASE("fuzz: damaged answers of a Redis server are an error or a value, in whatever pieces they come") {
    for (const fuzz::Bytes& input : fuzz::valid_answers()) CHECK_NOTHROW(fuzz::read_answers(input));
    // What a loop and its streams ask for does not depend on the input.
    fuzz::Mutations mutations(&fuzz::read_answers, std::size_t(256) * 1024);
    mutations.run(fuzz::valid_answers());
    CHECK(mutations.cases() > 500);
}
