#include <aio/io/file.hpp>

#include <array>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/io/sendfile.hpp>
#include <aio/structure/gather.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using io_test::bytes;
using io_test::Folder;
using io_test::get;
using io_test::long_text;
using io_test::put;

namespace {

std::string text_of_bytes(const std::vector<std::byte>& data) {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

Coro<std::string> read_piece(File& file, std::size_t size) {
    std::vector<std::byte> memory(size);
    const std::size_t count = co_await file.read_some(memory);
    co_return io_test::text_of(memory, count);
}

OpenMode new_file() { return OpenMode::read_write().create().truncate(); }

} // namespace

TEST_CASE("file: what is written at the position is read back from where seek says") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "file", new_file());
        co_await file.write_all(bytes("some text"));
        CHECK(file.tell() == 9);
        CHECK(co_await read_piece(file, 10) == "");
        file.seek(5);
        CHECK(co_await read_piece(file, 2) == "te");
        CHECK(co_await read_piece(file, 10) == "xt");
        file.seek(co_await file.size());
        co_await file.write_all(bytes("!"));
        co_await file.close();
        CHECK_FALSE(file.is_open());
    });
    CHECK(get(folder / "file") == "some text!");
}

TEST_CASE("file: operations at an offset leave the position alone, and run side by side") {
    const Folder folder;
    put(folder / "file", "abcdefgh");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "file", OpenMode::read_write());
        std::array<std::byte, 2> first;
        std::array<std::byte, 2> second;
        co_await gather(file.read_at(first, 6), file.read_at(second, 2), file.write_at(bytes("XY"), 4));
        CHECK(io_test::text_of(first, 2) == "gh");
        CHECK(io_test::text_of(second, 2) == "cd");
        CHECK(file.tell() == 0);
        CHECK(text_of_bytes(co_await file.read_all()) == "abcdXYgh");
        CHECK(file.tell() == 8);
        CHECK(text_of_bytes(co_await file.read_all()) == "");
    });
}

TEST_CASE("file: large data arrives whole") {
    const Folder folder;
    const std::string text = long_text(3'500'000);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "file", new_file());
        co_await file.write_all(bytes(text));
        co_await file.sync_data();
        file.seek(0);
        CHECK(text_of_bytes(co_await file.read_all()) == text);
    });
    CHECK(get(folder / "file") == text);
}

TEST_CASE("file: appending writes at the end, wherever the position is") {
    const Folder folder;
    put(folder / "file", "one");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "file", OpenMode::write().append());
        co_await file.write_all(bytes("two"));
        co_await file.write_all(bytes("three"));
        co_await file.close();
    });
    CHECK(get(folder / "file") == "onetwothree");
}

TEST_CASE("file: it is cut and lengthened, and tells its status") {
    const Folder folder;
    put(folder / "file", "abcdef");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "file", OpenMode::read_write());
        co_await file.truncate(3);
        CHECK(co_await file.size() == 3);
        co_await file.truncate(5);
        const FileStatus status = co_await file.status();
        CHECK(status.is_regular());
        CHECK(status.size() == 5);
        co_await file.sync();
    });
    CHECK(get(folder / "file") == std::string("abc\0\0", 5));
}

TEST_CASE("file: errors name the operation and the path") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        const std::string path = (folder / "missing").string();
        const std::string error = co_await outcome(File::open(path));
        CHECK(error.find("open " + path) != std::string::npos);
        CHECK(co_await io_test::error_of(File::open(path)) == std::errc::no_such_file_or_directory);

        File file = co_await File::open(folder / "file", OpenMode::write().create());
        std::array<std::byte, 4> memory;
        const std::string refused = co_await outcome(file.read_some(memory));
        CHECK(refused.find("read " + file.name()) != std::string::npos);
        co_await file.close();
        const std::string closed = thrown_by([&] { static_cast<void>(file.read_some(memory)); });
        CHECK(closed == "use of " + file.name() + " after close: bad file descriptor");
        CHECK_THROWS_AS(file.seek(0), std::system_error);
        co_await file.close();

        const std::string only_read =
            thrown_by([&] { static_cast<void>(File::open(folder / "file", OpenMode::read().truncate())); });
        CHECK(only_read == "open " + file.name() + ": what is only read cannot be truncated");
    });
}

TEST_CASE("file: a second task at the position is refused, and so is closing under a running operation") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "file", new_file());
        const auto write = [&file]() -> Coro<> { co_await file.write_all(bytes("some text")); };
        Task<> writer = create_task(write);
        co_await rounds(1);
        const std::string second = co_await outcome(file.write_all(bytes("no")));
        CHECK(second.find("another task is using the position") != std::string::npos);
        CHECK_THROWS_AS(file.seek(0), RuntimeError);
        const std::string closed = thrown_by([&] { static_cast<void>(file.close()); });
        CHECK(closed.find(" has not ended yet") != std::string::npos);
        co_await writer;
        co_await file.close();
    });
    CHECK(get(folder / "file") == "some text");
}

TEST_CASE("rule 82: a file belongs to the loop it was opened in") {
    const Folder folder;
    put(folder / "file", "text");
    EventLoop first;
    EventLoop second;
    File file = first.run_until_complete(File::open(folder / "file"));
    std::array<std::byte, 4> memory;
    const auto read = [&]() -> Coro<std::size_t> { co_return co_await file.read_some(memory); };
    CHECK_THROWS_AS(second.run_until_complete(read()), RuntimeError);
    CHECK(first.run_until_complete(read()) == 4);
}

TEST_CASE("file: a cancelled read has not moved the position") {
    const Folder folder;
    put(folder / "file", "text");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "file");
        std::array<std::byte, 4> memory;
        const auto read = [&]() -> Coro<> {
            for (;;) co_await file.read_at(memory, 0);
        };
        // What is in memory needs no waiting, but gives way now and then, where it can be cancelled.
        Task<> reader = create_task(read);
        co_await rounds(3);
        reader.cancel();
        CHECK(co_await outcome(reader) == "cancelled");

        const auto read_on = [&]() -> Coro<> {
            current_task().cancel();
            std::size_t left = 1000;
            while (left-- > 0) {
                file.seek(0);
                co_await file.read_some(memory);
                if (!current_task().cancelling()) co_return;
            }
        };
        Task<> other = create_task(read_on);
        CHECK(co_await outcome(other) == "cancelled");
        CHECK(file.tell() == 0);
        CHECK(co_await read_piece(file, 10) == "text");
    });
}

TEST_CASE("sendfile: a file, or a part of it, goes into a stream, and the position stays") {
    const Folder folder;
    const std::string text = long_text(1'000'000);
    put(folder / "file", text);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "file");
        io_test::StreamPair pair;
        const auto read = [&]() -> Coro<std::string> { co_return co_await io_test::read_all(pair.b); };
        Task<std::string> reader = create_task(read);
        CHECK(co_await sendfile(pair.a, file) == text.size());
        CHECK(co_await sendfile(pair.a, file, 10, 5) == 5);
        CHECK(co_await sendfile(pair.a, file, text.size() - 3, 10) == 3);
        CHECK(co_await sendfile(pair.a, file, 0, 0) == 0);
        CHECK(file.tell() == 0);
        co_await pair.a.shutdown_write();
        CHECK(co_await reader == text + text.substr(10, 5) + text.substr(text.size() - 3));
    });
}

TEST_CASE("file: it may be dropped, or its loop closed, while operations are under way") {
    const Folder folder;
    put(folder / "file", long_text(100'000));
    {
        EventLoop loop;
        std::vector<Task<>> tasks;
        const auto work = [&]() -> Coro<> {
            const std::string text = long_text(300'000);
            File file = co_await File::open(folder / "file", OpenMode::read_write());
            co_await file.write_all(bytes(text));
            co_await file.sync();
            co_await file.close();
        };
        for (int i = 0; i < 8; ++i) tasks.push_back(loop.create_task(work));
        loop.set_exception_handler([](EventLoop&, const ErrorContext&) {});
        for (int turns = 0; turns < 3; ++turns) {
            loop.stop();
            loop.run_forever();
        }
        loop.close();
    }
    run_in_real_time([&](EventLoop&) -> Coro<> {
        for (int i = 0; i < 50; ++i) {
            File dropped = co_await File::open(folder / "file");
            File moved = std::move(dropped);
            Task<File> cancelled =
                create_task([&]() -> Coro<File> { co_return co_await File::open(folder / "file"); });
            co_await rounds(i % 3);
            cancelled.cancel();
            co_await outcome(cancelled);
        }
    });
}
