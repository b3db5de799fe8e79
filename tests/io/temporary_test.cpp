#include <aio/io/temporary.hpp>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/file_contents.hpp>
#include <aio/uv/loop.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using io_test::Folder;
using io_test::get;
using io_test::put;
namespace fs = std::filesystem;

namespace {

std::ptrdiff_t count_of(const fs::path& directory) {
    return std::distance(fs::directory_iterator(directory), fs::directory_iterator());
}

/// Waits, without giving way to the loop, until a thread has made something in the directory.
void wait_for_a_file(const fs::path& directory) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (count_of(directory) == 0) REQUIRE(std::chrono::steady_clock::now() < end);
}

/// Waits until the threads have nothing more to do.
Coro<> wait_for_threads(EventLoop& loop) {
    while (loop.bindings().requests() > 0) co_await rounds(1);
}

} // namespace

TEST_CASE("temporary file: one that a thread has made when its task is cancelled is removed") {
    const Folder folder;
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        const auto create = [&]() -> Coro<> { co_await TemporaryFile::create(folder.path); };
        Task<> task = create_task(create);
        co_await rounds(1);
        wait_for_a_file(folder.path);
        task.cancel();
        CHECK(co_await outcome(task) == "cancelled");
        co_await wait_for_threads(loop);
        CHECK(count_of(folder.path) == 0);
    });
}

TEST_CASE("temporary file: one that a thread has made when its loop is closed is removed") {
    const Folder folder;
    {
        EventLoop loop;
        loop.set_exception_handler([](EventLoop&, const ErrorContext&) {});
        const auto create = [&]() -> Coro<> { co_await TemporaryFile::create(folder.path); };
        loop.run_until_complete([](auto start, fs::path in) -> Coro<> {
            Task<> task = create_task(start);
            co_await rounds(1);
            wait_for_a_file(in);
        }(create, folder.path));
    }
    CHECK(count_of(folder.path) == 0);
}

TEST_CASE("write_file_atomic: cancelled while a thread makes the new file, it leaves none") {
    const Folder folder;
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        const auto write = [&]() -> Coro<> { co_await write_file_atomic(folder / "file", "text"); };
        Task<> task = create_task(write);
        while (count_of(folder.path) == 0) co_await rounds(1);
        task.cancel();
        CHECK(co_await outcome(task) == "cancelled");
        co_await wait_for_threads(loop);
        CHECK(count_of(folder.path) == 0);
    });
}

TEST_CASE("write_file_atomic: names may be as long as for write_file") {
    const Folder folder;
    const std::string name(250, 'n');
    run_in_real_time([&](EventLoop&) -> Coro<> {
        co_await write_file(folder / name, "first");
        co_await write_file_atomic(folder / name, "second");
        CHECK(get(folder / name) == "second");
        CHECK(count_of(folder.path) == 1);
    });
}

TEST_CASE("temporary file: one that is assigned over goes at once") {
    const Folder folder;
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        TemporaryFile first = co_await TemporaryFile::create(folder.path);
        TemporaryFile second = co_await TemporaryFile::create(folder.path);
        const fs::path replaced = first.path();
        const fs::path taken = second.path();
        first = std::move(second);
        co_await wait_for_threads(loop);
        CHECK_FALSE(fs::exists(replaced));
        CHECK(fs::exists(taken));
        CHECK(first.path() == taken);
        CHECK(second.path().empty());
        co_await first.file().write_all(io_test::bytes("text"));
        TemporaryFile& itself = first;
        first = std::move(itself);
        co_await wait_for_threads(loop);
        CHECK(get(taken) == "text");
    });
    CHECK(count_of(folder.path) == 0);
}

TEST_CASE("temporary directory: removing it a second time does nothing, nor once it is kept") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        TemporaryDirectory directory = co_await TemporaryDirectory::create(folder.path);
        put(directory.path() / "file", "");
        co_await directory.remove();
        CHECK(count_of(folder.path) == 0);
        co_await directory.remove();
        TemporaryDirectory kept = co_await TemporaryDirectory::create(folder.path);
        kept.keep();
        co_await kept.remove();
        CHECK(count_of(folder.path) == 1);
    });
}

TEST_CASE(
    "temporary files and directories of a relative directory are removed from wherever the program is") {
    const Folder folder;
    const fs::path before = fs::current_path();
    fs::current_path(folder.path);
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        {
            const TemporaryDirectory directory = co_await TemporaryDirectory::create(".");
            TemporaryFile file = co_await TemporaryFile::create(".");
            CHECK(directory.path().is_absolute());
            CHECK(file.path().is_absolute());
            CHECK(count_of(folder.path) == 2);
            fs::current_path(before);
        }
        co_await wait_for_threads(loop);
    });
    CHECK(count_of(folder.path) == 0);
}
