#include <aio/io/file_system.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/async_iteration.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/io/directory.hpp>
#include <aio/io/file_contents.hpp>
#include <aio/io/file_watcher.hpp>
#include <aio/io/temporary.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using io_test::error_of;
using io_test::Folder;
using io_test::get;
using io_test::put;
namespace fs = std::filesystem;

namespace {

/// The paths below `root`, sorted.
Coro<std::vector<std::string>> paths_of(AsyncGenerator<DirectoryEntry> entries, fs::path root) {
    std::vector<std::string> paths;
    while (auto entry = co_await entries.next())
        paths.push_back(entry->path().lexically_relative(root).generic_string());
    std::ranges::sort(paths);
    co_return paths;
}

void make_tree(const Folder& folder) {
    fs::create_directories(folder / "a/b");
    put(folder / "a/b/deep", "deep");
    put(folder / "a/one", "1");
    put(folder / "two", "22");
}

} // namespace

TEST_CASE("file system: directories are made, also those above, and removed") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        co_await aio::mkdir(folder / "one");
        CHECK(co_await error_of(aio::mkdir(folder / "one")) == std::errc::file_exists);
        co_await make_directories(folder / "one/two/three/");
        co_await make_directories(folder / "one/two");
        CHECK(fs::is_directory(folder / "one/two/three"));
        put(folder / "file", "");
        CHECK(co_await error_of(make_directories(folder / "file")) == std::errc::file_exists);
        co_await aio::rmdir(folder / "one/two/three");
        CHECK(co_await error_of(aio::rmdir(folder / "one")) == std::errc::directory_not_empty);
        CHECK(co_await aio::exists(folder / "one/two"));
        CHECK_FALSE(co_await aio::exists(folder / "one/two/three"));
        CHECK_FALSE(co_await aio::exists(folder / "file/below"));
    });
}

TEST_CASE("file system: files are renamed, copied, examined and removed") {
    const Folder folder;
    put(folder / "file", "text");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        co_await aio::rename(folder / "file", folder / "renamed");
        co_await aio::copy_file(folder / "renamed", folder / "copy");
        CHECK(get(folder / "copy") == "text");
        CHECK(co_await error_of(aio::copy_file(folder / "renamed", folder / "copy",
                                               CopyMode::fail_if_exists)) == std::errc::file_exists);
        const FileStatus status = co_await aio::stat(folder / "copy");
        CHECK(status.is_regular());
        CHECK(status.size() == 4);
        co_await aio::remove(folder / "renamed");
        const std::string error = co_await outcome(aio::remove(folder / "renamed"));
        CHECK(error.find("remove " + (folder / "renamed").string()) != std::string::npos);
        const std::string both = co_await outcome(aio::rename(folder / "no", folder / "where"));
        CHECK(both.find("rename " + (folder / "no").string() + " to " + (folder / "where").string()) !=
              std::string::npos);
        CHECK(co_await aio::realpath(folder / "../" / folder.path.filename() / "copy") ==
              fs::canonical(folder / "copy"));
    });
}

TEST_CASE("file system: a directory is not copied, and what has the other name stays") {
    const Folder folder;
    fs::create_directory(folder / "directory");
    put(folder / "file", "precious");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        const std::string error =
            co_await outcome(aio::copy_file(folder / "directory", folder / "file", CopyMode::fail_if_exists));
        CHECK(error.find("copy " + (folder / "directory").string() + " to ") != std::string::npos);
        CHECK(co_await error_of(aio::copy_file(folder / "directory", folder / "file")) ==
              std::errc::is_a_directory);
        CHECK(co_await error_of(aio::copy_file(folder / "missing", folder / "file")) ==
              std::errc::no_such_file_or_directory);
        CHECK(co_await error_of(aio::copy_file(folder / "directory", folder / "new")) ==
              std::errc::is_a_directory);
        CHECK_FALSE(fs::exists(folder / "new"));
    });
    CHECK(get(folder / "file") == "precious");
}

TEST_CASE("file system: a directory's entries come with their types, however many there are") {
    const Folder folder;
    for (int i = 0; i < 150; ++i) put(folder / std::to_string(i), "");
    fs::create_directory(folder / "directory");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        std::vector<DirectoryEntry> entries = co_await collect(scandir(folder.path));
        CHECK(entries.size() == 151);
        CHECK(std::ranges::count_if(entries, &DirectoryEntry::is_regular) == 150);
        CHECK(std::ranges::count(entries, folder / "directory", &DirectoryEntry::path) == 1);
        AsyncGenerator<DirectoryEntry> dropped = scandir(folder.path);
        co_await dropped.next();
        auto missing = scandir(folder / "missing");
        const std::string error = co_await outcome(collect(std::move(missing)));
        CHECK(error.find("open directory " + (folder / "missing").string()) != std::string::npos);
    });
}

TEST_CASE("file system: a walk gives everything below, no deeper than asked for") {
    const Folder folder;
    make_tree(folder);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        const std::vector<std::string> all = co_await paths_of(walk(folder.path), folder.path);
        CHECK(all == std::vector<std::string>{"a", "a/b", "a/b/deep", "a/one", "two"});
        const std::vector<std::string> flat =
            co_await paths_of(walk(folder.path, WalkOptions().max_depth(0)), folder.path);
        CHECK(flat == std::vector<std::string>{"a", "two"});
        CHECK(co_await error_of(collect(walk(folder / "no"))) == std::errc::no_such_file_or_directory);
        const auto none = co_await collect(walk(folder / "no", WalkOptions().skip_errors(true)));
        CHECK(none.empty());
    });
}

TEST_CASE("file system: a tree is removed") {
    const Folder folder;
    make_tree(folder);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        co_await remove_tree(folder / "a");
        CHECK_FALSE(fs::exists(folder / "a"));
        co_await remove_tree(folder / "two");
        CHECK_FALSE(fs::exists(folder / "two"));
        CHECK(co_await error_of(remove_tree(folder / "a")) == std::errc::no_such_file_or_directory);
    });
}

TEST_CASE("file system: a null character in a path is refused, and not taken for its end") {
    const Folder folder;
    put(folder / "a", "text");
    const fs::path path = folder / std::string("a\0.txt", 6);
    const std::string message = "null character in the path \"" + (folder / "a").string() + "\\0.txt\"";
    run_in_real_time([&](EventLoop&) -> Coro<> {
        CHECK(co_await outcome(read_text(path)) == message);
        CHECK(co_await outcome(write_file(path, "no")) == message);
        CHECK(co_await outcome(remove_tree(path)) == message);
        CHECK(co_await outcome(make_directories(path)) == message);
        CHECK(co_await outcome(aio::copy_file(folder / "a", path)) == message);
        CHECK(co_await outcome(collect(walk(path))) == message);
        CHECK(thrown_by([&] { static_cast<void>(aio::stat(path)); }) == message);
        CHECK(thrown_by([&] { static_cast<void>(aio::rename(path, folder / "b")); }) == message);
        CHECK(thrown_by([&] { const FileWatcher watcher(path); }) == message);
        const std::string prefix("a\0b", 3);
        CHECK(co_await outcome(TemporaryFile::create(folder.path, prefix)) != "value");
    });
    CHECK(get(folder / "a") == "text");
}

TEST_CASE("file contents: whole files are read and written") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        co_await write_file(folder / "file", "a longer text");
        co_await write_file(folder / "file", "text");
        CHECK(co_await read_text(folder / "file") == "text");
        const auto data = co_await read_file(folder / "file");
        CHECK(data.size() == 4);
        CHECK(co_await error_of(read_text(folder / "none")) == std::errc::no_such_file_or_directory);
    });
}

TEST_CASE("file contents: an atomic write leaves the new file or the old one, and nothing else") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        co_await write_file_atomic(folder / "file", "first");
        CHECK(get(folder / "file") == "first");
        co_await write_file_atomic(folder / "file", "second");
        CHECK(get(folder / "file") == "second");
        fs::create_directories(folder / "taken/inside");
        CHECK(co_await error_of(write_file_atomic(folder / "taken", "no")) != std::error_code());
        for (int i = 0; i < 40; ++i) {
            const auto write = [&]() -> Coro<> { co_await write_file_atomic(folder / "file", "third"); };
            Task<> writer = create_task(write);
            co_await rounds(i);
            writer.cancel();
            co_await outcome(writer);
            const std::string now = get(folder / "file");
            CHECK((now == "second" || now == "third"));
        }
    });
    // The loop has waited for what was being removed.
    CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 2);
}

TEST_CASE("temporary files and directories are removed with their objects, unless they are kept") {
    const Folder folder;
    fs::path kept;
    fs::path gone;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        TemporaryFile first = co_await TemporaryFile::create(folder.path, "first");
        TemporaryFile second = co_await TemporaryFile::create(folder.path, "second");
        gone = first.path();
        CHECK(gone.filename().string().starts_with("first"));
        CHECK(fs::exists(gone));
        co_await second.file().write_all(io_test::bytes("text"));
        kept = second.keep();
        TemporaryDirectory directory = co_await TemporaryDirectory::create(folder.path);
        put(directory.path() / "inside", "");
        TemporaryDirectory removed = co_await TemporaryDirectory::create(folder.path);
        const fs::path path = removed.path();
        put(path / "inside", "");
        co_await removed.remove();
        CHECK_FALSE(fs::exists(path));
        TemporaryFile elsewhere = co_await TemporaryFile::create();
        CHECK(fs::exists(elsewhere.path()));
    });
    CHECK_FALSE(fs::exists(gone));
    CHECK(get(kept) == "text");
    CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 1);
}
