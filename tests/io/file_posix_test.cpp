#include <aio/io/file.hpp>

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/core/async_iteration.hpp>
#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/io/directory.hpp>
#include <aio/io/file_contents.hpp>
#include <aio/io/file_system.hpp>
#include <aio/uv/descriptor.hpp>
#include <aio/uv/file_at_once.hpp>
#include <aio/uv/loop.hpp>
#include <aio/uv/pipe.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/conformance.hpp"
#include "support/loop_help.hpp"
#include "support/standard_input_posix.hpp"

using namespace aio;
using namespace aio::test;
using io_test::Folder;
using io_test::get;
using io_test::put;
namespace fs = std::filesystem;

TEST_CASE("file: what is in the page cache is read without a thread, and without suspending") {
    const Folder folder;
    put(folder / "file", io_test::long_text(10'000));
    // Outlives the callback that sets it.
    bool others_ran = false;
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        File file = co_await File::open(folder / "file");
        std::array<std::byte, 4000> memory;
        if (uv::read_at_once(file.descriptor(), memory, 0).result() == uv::AtOnce::done) {
            loop.call_soon([&] { others_ran = true; });
            CHECK(co_await file.read_some(memory) == 4000);
            CHECK(co_await file.read_some(memory) == 4000);
            CHECK(co_await file.read_some(memory) == 2000);
            CHECK(co_await file.read_some(memory) == 0);
            CHECK_FALSE(others_ran);
            CHECK(loop.bindings().requests() == 0);
        }
    });
}

TEST_CASE("file: reading for ever lets others run") {
    const Folder folder;
    put(folder / "file", "text");
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        File file = co_await File::open(folder / "file");
        bool stop = false;
        loop.call_soon([&] { stop = true; });
        std::array<std::byte, 4> memory;
        while (!stop) CHECK(co_await file.read_at(memory, 0) == 4);
    });
}

TEST_CASE("file: a pipe is read in a thread, has no positions, and a read that has begun is waited for") {
    uv::PipeEnds ends = uv::make_pipe();
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        File file(loop, std::move(ends.read), "a pipe");
        std::array<std::byte, 16> memory;
        CHECK_THROWS_AS(file.seek(0), ValueError);
        CHECK(co_await outcome(file.read_at(memory, 1)) == "read_at: a pipe has no positions");
        const auto read = [&]() -> Coro<> { co_await file.read_some(memory); };
        Task<> reader = create_task(read);
        // As long as the job can still be taken out of the queue it is, and the next one is tried.
        co_await io_test::turn();
        while (!reader.done()) {
            reader.cancel();
            co_await rounds(2);
            if (!reader.done()) break;
            reader = create_task(read);
            co_await io_test::turn();
        }
        CHECK_FALSE(reader.done());
        CHECK(::write(ends.write.get(), "x", 1) == 1);
        CHECK(co_await outcome(reader) == "cancelled");
        CHECK(::write(ends.write.get(), "text", 4) == 4);
        CHECK(co_await file.read_some(memory) == 4);
        ends.write.close();
        CHECK(co_await file.read_some(memory) == 0);
        co_await file.close();
    });
}

namespace {

/// Out of a pipe, which has no page cache.
Coro<int> read_by_a_thread() {
    uv::PipeEnds ends = uv::make_pipe();
    CHECK(::write(ends.write.get(), "seven", 5) == 5);
    File file(get_running_loop(), std::move(ends.read), "a pipe");
    std::array<std::byte, 16> memory;
    const std::size_t count = co_await file.read_some(memory);
    co_return static_cast<int>(count) + 2;
}

} // namespace

TEST_CASE("conformance: File") {
    // A thread reads it, and that is over as soon as libuv looks.
    check_conformance("read_some", 7, [](Gate&) { return read_by_a_thread(); }, true);
}

TEST_CASE("file: a descriptor is closed by close, by the destructor, and by an open that was cancelled") {
    const Folder folder;
    put(folder / "file", "text");
    const auto count = [] {
        return std::distance(fs::directory_iterator("/dev/fd"), fs::directory_iterator());
    };
    std::ptrdiff_t before = 0;
    std::ptrdiff_t after = 0;
    EventLoop loop;
    // What is closed in the background has been, when the loop has no request left.
    const auto drain = [](EventLoop& l) -> Coro<> {
        while (l.bindings().requests() > 0) co_await rounds(1);
    };
    loop.run_until_complete([](const Folder& in) -> Coro<> { co_await read_file(in / "file"); }(folder));
    loop.run_until_complete(drain(loop));
    before = count();
    loop.run_until_complete([](const Folder& in) -> Coro<> {
        const auto open = [&in]() -> Coro<> {
            const File file = co_await File::open(in / "file");
            co_await rounds(1);
        };
        for (int i = 0; i < 30; ++i) {
            Task<> task = create_task(open);
            co_await rounds(i);
            task.cancel();
            co_await outcome(task);
        }
        File closed = co_await File::open(in / "file");
        co_await closed.close();
    }(folder));
    loop.run_until_complete(drain(loop));
    after = count();
    CHECK(after == before);
}

TEST_CASE("file: one that has adopted standard input leaves the null device there") {
    const Folder folder;
    put(folder / "file", "there");
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        for (const bool closing : {true, false}) {
            const StandardInput input(
                uv::Descriptor(::open((folder / "file").c_str(), O_RDONLY | O_CLOEXEC)));
            {
                File file(loop, StandardInput::take(), "standard input");
                std::array<std::byte, 10> memory;
                const std::size_t count = co_await file.read_some(memory);
                CHECK(io_test::text_of(memory, count) == "there");
                CHECK_FALSE(StandardInput::is_null_device());
                if (closing) co_await file.close();
            }
            CHECK(StandardInput::is_null_device());
        }
    });
}

TEST_CASE("file system: links are made, read, and not followed by removal") {
    const Folder folder;
    fs::create_directory(folder / "target");
    put(folder / "target/file", "text");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        co_await aio::symlink("target", folder / "link", true);
        CHECK(co_await aio::readlink(folder / "link") == "target");
        const FileStatus link = co_await aio::lstat(folder / "link");
        CHECK(link.is_symlink());
        const FileStatus target = co_await aio::stat(folder / "link");
        CHECK(target.is_directory());
        co_await aio::link(folder / "target/file", folder / "second");
        CHECK(get(folder / "second") == "text");
        fs::create_directory(folder / "removed");
        co_await aio::symlink("../target", folder / "removed/link", true);
        co_await remove_tree(folder / "removed");
        CHECK(get(folder / "target/file") == "text");
    });
}

TEST_CASE("file system: a walk follows links when asked to, and ends in a loop of them") {
    const Folder folder;
    fs::create_directories(folder / "a/b");
    put(folder / "a/b/file", "");
    fs::create_directory_symlink("..", folder / "a/up");
    fs::create_directory_symlink("nowhere", folder / "a/broken");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        const auto plain = co_await collect(walk(folder.path));
        CHECK(plain.size() == 5);
        const auto followed = co_await collect(walk(folder.path, WalkOptions().follow_symlinks(true)));
        CHECK(followed.size() == 5);
    });
}

TEST_CASE(
    "file system: a walk that follows links tells of directories that it cannot examine, or skips them") {
    const Folder folder;
    fs::create_directory(folder / "top");
    // Of these the last have paths longer than the system takes.
    uv::Descriptor here(::open((folder / "top").c_str(), O_RDONLY | O_DIRECTORY));
    const std::string name(200, 'd');
    for (int i = 0; i < 25; ++i) {
        REQUIRE(::mkdirat(here.get(), name.c_str(), 0777) == 0);
        here = uv::Descriptor(::openat(here.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    }
    run_in_real_time([&](EventLoop&) -> Coro<> {
        WalkOptions following;
        following.follow_symlinks(true);
        CHECK(co_await io_test::error_of(collect(walk(folder / "top", following))) ==
              std::errc::filename_too_long);
        const auto skipped = co_await collect(walk(folder / "top", following.skip_errors(true)));
        CHECK(skipped.size() > 0);
        CHECK(skipped.size() < 25);
        co_await remove_tree(folder / "top");
        // Links that point nowhere are no errors.
        fs::create_directory(folder / "links");
        fs::create_directory_symlink("nowhere", folder / "links/broken");
        fs::create_directory_symlink("itself", folder / "links/itself");
        const auto links = co_await collect(walk(folder / "links", following.skip_errors(false)));
        CHECK(links.size() == 2);
    });
}

TEST_CASE("file system: a walk of what is no directory says so, also if it follows links") {
    const Folder folder;
    put(folder / "file", "");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        for (const bool follow : {false, true}) {
            const std::string how =
                co_await outcome(collect(walk(folder / "file", WalkOptions().follow_symlinks(follow))));
            CHECK(how.find("open directory " + (folder / "file").string()) != std::string::npos);
        }
    });
}

TEST_CASE("file system: an atomic write in the place of a link takes permissions of files alone") {
    const Folder folder;
    fs::create_directory(folder / "directory");
    fs::permissions(folder / "directory", fs::perms(01777));
    fs::create_directory_symlink("directory", folder / "link");
    fs::create_symlink("itself", folder / "itself");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        for (const char* name : {"link", "itself"}) {
            co_await write_file_atomic(folder / name, "new");
            CHECK(fs::is_regular_file(fs::symlink_status(folder / name)));
            CHECK((fs::status(folder / name).permissions() & fs::perms(0133)) == fs::perms::none);
        }
    });
}

TEST_CASE("file system: permissions are set, and an atomic write keeps them") {
    const Folder folder;
    put(folder / "file", "text");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        co_await aio::chmod(folder / "file", fs::perms(0640));
        co_await write_file_atomic(folder / "file", "new");
        CHECK(fs::status(folder / "file").permissions() == fs::perms(0640));
        co_await aio::mkdir(folder / "private", fs::perms(0700));
        CHECK(fs::status(folder / "private").permissions() == fs::perms(0700));
    });
}
