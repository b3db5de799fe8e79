#include <aio/io/file.hpp>

#include <array>
#include <string>

#include <fcntl.h>
#if defined(__linux__)
#include <sys/eventfd.h>
#endif
#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/subprocess.hpp>
#include <aio/uv/descriptor.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using io_test::bytes;
using io_test::Folder;
using io_test::get;

namespace {

/// Lets a child write a line to the file.
Coro<> write_by_child(File& file) {
    SubprocessOptions options;
    options.stdout_to(Redirect::descriptor(file.descriptor()));
    Process child = co_await create_subprocess_exec(options, "echo", "child");
    CHECK(co_await child.wait() == 0);
}

} // namespace

TEST_CASE("file: what it writes, what a child writes that has its descriptor, and more comes in this order") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "log", OpenMode::write().create().truncate());
        co_await file.write_all(bytes("a long header\n"));
        co_await write_by_child(file);
        co_await file.write_all(bytes("middle\n"));
        co_await write_by_child(file);
        co_await file.write_all(bytes("footer\n"));
        co_await file.close();
    });
    CHECK(get(folder / "log") == "a long header\nchild\nmiddle\nchild\nfooter\n");
}

TEST_CASE("file: one that is adopted moves the position that its descriptor shares with others") {
    const Folder folder;
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        const uv::Descriptor other(::open((folder / "log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        CHECK(::write(other.get(), "one ", 4) == 4);
        File file(loop, uv::Descriptor(::dup(other.get())), "a log");
        co_await file.write_all(bytes("two "));
        CHECK(::write(other.get(), "three ", 6) == 6);
        co_await file.write_all(bytes("four"));
        CHECK(file.tell() == 18);
    });
    CHECK(get(folder / "log") == "one two three four");
}

TEST_CASE("file: a position that no file can have is refused, and the old one stays") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        for (const bool shared : {false, true}) {
            OpenMode mode = OpenMode::read_write();
            mode.create().truncate();
            File file = co_await File::open(folder / "file", mode);
            co_await file.write_all(bytes("0123456789"));
            if (shared) static_cast<void>(file.descriptor());
            file.seek(3);
            CHECK(contains(thrown_by([&] { file.seek(std::uint64_t(1) << 62); }),
                           "seek " + (folder / "file").string() + ": "));
            CHECK(file.tell() == 3);
            co_await file.write_all(bytes("XX"));
            co_await file.close();
            CHECK(get(folder / "file") == "012XX56789");
        }
    });
}

TEST_CASE("file: what is appended at an offset leaves the position to who writes at that") {
    const Folder folder;
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        for (const bool shared : {false, true}) {
            for (int round = 0; round < 20; ++round) {
                OpenMode mode = OpenMode::write();
                mode.create().truncate().append();
                File file = co_await File::open(folder / "log", mode);
                if (shared) static_cast<void>(file.descriptor());
                const auto elsewhere = [&]() -> Coro<> { co_await file.write_at(bytes("0123456789"), 0); };
                Task<> other = loop.create_task(elsewhere());
                co_await rounds(round % 3);
                co_await file.write_all(bytes("abcde"));
                co_await other;
                const std::string text = get(folder / "log");
                CHECK(text.size() == 15);
                CHECK(file.tell() == text.find("abcde") + 5);
                co_await file.close();
            }
        }
    });
}

#if defined(__linux__)
TEST_CASE("file: what says it has a position and has none is read without") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        File file(loop, uv::Descriptor(::eventfd(5, EFD_CLOEXEC)), "an eventfd");
        std::array<std::byte, 8> memory{};
        CHECK(co_await file.read_some(memory) == 8);
        CHECK(memory[0] == std::byte(5));
    });
}
#endif
