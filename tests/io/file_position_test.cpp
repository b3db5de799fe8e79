#include <aio/io/file.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/uv/file_at_once.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using io_test::bytes;
using io_test::Folder;
using io_test::get;
using io_test::put;

namespace {

constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();

Coro<std::string> read_piece(File& file, std::size_t size) {
    std::vector<std::byte> memory(size);
    const std::size_t count = co_await file.read_some(memory);
    co_return io_test::text_of(memory, count);
}

} // namespace

TEST_CASE("file: offsets that no file has are refused by name, and nothing is read or written") {
    const Folder folder;
    put(folder / "file", "important header");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "file", OpenMode::read_write());
        const std::string refused = file.name() + " cannot have 4 bytes at ";
        std::array<std::byte, 4> memory;
        for (int i = 0; i < 3; ++i) {
            std::uint64_t offset = std::numeric_limits<std::uint64_t>::max();
            if (i > 0) offset = i == 1 ? most + 1 : most - 3;
            const std::string message = refused + std::to_string(offset);
            CHECK(co_await outcome(file.write_at(bytes("XXXX"), offset)) == "write_at: " + message);
            CHECK(co_await outcome(file.read_at(memory, offset)) == "read_at: " + message);
        }
        CHECK_THROWS_AS(file.seek(most + 1), ValueError);
        CHECK(file.tell() == 0);
        // Many file systems have none that are so large.
        if (const std::string refusal = thrown_by([&] { file.seek(most); }); refusal != "none") {
            CHECK(refusal.starts_with("seek " + file.name() + ": "));
            CHECK(file.tell() == 0);
            co_return;
        }
        const std::string message = refused + std::to_string(most);
        CHECK(co_await outcome(file.read_some(memory)) == "read_some: " + message);
        CHECK(co_await outcome(file.write_all(bytes("XXXX"))) == "write_all: " + message);
        CHECK(file.tell() == most);
    });
    CHECK(get(folder / "file") == "important header");
}

TEST_CASE("file: after a write that appends the position is at the end") {
    const Folder folder;
    put(folder / "file", "0123456789");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "file", OpenMode::read_write().append());
        CHECK(co_await read_piece(file, 2) == "01");
        co_await file.write_all(bytes("ab"));
        CHECK(file.tell() == 12);
        CHECK(co_await read_piece(file, 20) == "");
        // At an offset it leaves the position alone, also where the system's position is the file's.
        file.seek(1);
        co_await file.write_at(bytes("cd"), 0);
        CHECK(file.tell() == 1);
        static_cast<void>(file.descriptor());
        co_await file.write_at(bytes("ef"), 0);
        CHECK(file.tell() == 1);
        CHECK(co_await read_piece(file, 3) == "123");
        co_await file.write_all(bytes("gh"));
        CHECK(file.tell() == 18);
    });
    CHECK(get(folder / "file") == "0123456789abcdefgh");
}

TEST_CASE("file: once its descriptor has been given away it reads, writes and seeks as before") {
    const Folder folder;
    put(folder / "file", "0123456789");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "file", OpenMode::read_write());
        CHECK(co_await read_piece(file, 2) == "01");
        const int descriptor = file.descriptor();
        CHECK(uv::file_position_of(descriptor) == 2);
        CHECK(co_await read_piece(file, 2) == "23");
        co_await file.write_all(bytes("ab"));
        CHECK(file.tell() == 6);
        CHECK(uv::file_position_of(descriptor) == 6);
        std::array<std::byte, 2> memory;
        CHECK(co_await file.read_at(memory, 0) == 2);
        co_await file.write_at(bytes("xy"), 0);
        CHECK(co_await read_piece(file, 2) == "67");
        file.seek(3);
        CHECK(uv::file_position_of(descriptor) == 3);
        CHECK(co_await read_piece(file, 20) == "3ab6789");
        CHECK(file.tell() == 10);
        // Somebody else moves it.
        REQUIRE(uv::move_file_position(descriptor, 8) == 0);
        CHECK(file.tell() == 8);
        const auto rest = co_await file.read_all();
        CHECK(rest.size() == 2);
    });
    CHECK(get(folder / "file") == "xy23ab6789");
}
