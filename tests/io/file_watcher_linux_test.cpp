#include <aio/io/file_watcher.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>

#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using io_test::Folder;
using io_test::put;
namespace fs = std::filesystem;

TEST_CASE("file watcher: a directory that is changed and removed itself is told of by its own path") {
    const Folder folder;
    for (const char* name : {"directory", "directory/", "./directory"}) {
        CAPTURE(name);
        fs::create_directory(folder / "directory");
        const fs::path path = folder / name;
        run_in_real_time([&](EventLoop&) -> Coro<> {
            FileWatcher watcher(path);
            fs::remove(folder / "directory");
            std::optional<FileChange> change;
            do {
                change = co_await watcher.next();
                CHECK(change->path() == path);
            } while (change->kind() != FileChange::Kind::renamed);
        });
    }
    // An entry of the same name is another thing.
    fs::create_directory(folder / "directory");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        FileWatcher watcher(folder / "directory");
        put(folder / "directory/directory", "text");
        const std::optional<FileChange> change = co_await watcher.next();
        CHECK(change->path() == folder / "directory/directory");
    });
}

TEST_CASE("file watcher: what the system has lost is told as an overflow, to every watcher of the loop") {
    const Folder folder;
    fs::create_directory(folder / "busy");
    fs::create_directory(folder / "quiet");
    put(folder / "busy/a", "");
    std::size_t most = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> most;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        FileWatcher busy(folder / "busy");
        FileWatcher quiet(folder / "quiet");
        // Two that alternate, as equal ones in a row are taken together.
        for (std::size_t i = 0; i <= most; i += 2) {
            ::truncate((folder / "busy/a").c_str(), static_cast<off_t>(i % 3));
            fs::permissions(folder / "busy/a", fs::perms(0600));
        }
        put(folder / "quiet/new", "");
        std::optional<FileChange> change;
        do change = co_await busy.next();
        while (change->kind() != FileChange::Kind::overflow);
        CHECK(change->path() == folder / "busy");
        do change = co_await quiet.next();
        while (change->kind() != FileChange::Kind::overflow);
        CHECK(change->path() == folder / "quiet");
        // And it goes on.
        put(folder / "quiet/newer", "");
        do change = co_await quiet.next();
        while (change->path() != folder / "quiet/newer");
    });
}

TEST_CASE("file watcher: a directory that is watched by two names is told of by each of them") {
    const Folder folder;
    fs::create_directory(folder / "directory");
    fs::create_directory_symlink("directory", folder / "link");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        FileWatcher first(folder / "directory");
        FileWatcher second(folder / "link");
        {
            const FileWatcher third(folder / "link");
        }
        put(folder / "directory/file", "");
        std::optional<FileChange> change = co_await first.next();
        CHECK(change->path() == folder / "directory/file");
        change = co_await second.next();
        CHECK(change->path() == folder / "link/file");
        fs::remove_all(folder / "directory");
        for (FileWatcher* const watcher : {&first, &second}) {
            do change = co_await watcher->next();
            while (change->path() != watcher->path() || change->kind() != FileChange::Kind::renamed);
        }
        // The next one at this path is another thing, with a number of its own.
        fs::create_directory(folder / "directory");
        FileWatcher next(folder / "directory");
        put(folder / "directory/file", "");
        change = co_await next.next();
        CHECK(change->path() == folder / "directory/file");
    });
}

TEST_CASE("file watcher: what is told of another name of a file does not end a watcher") {
    const Folder folder;
    put(folder / "temporary", "");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        FileWatcher before(folder / "temporary");
        // That it has happened is still to be told when the next one begins.
        fs::rename(folder / "temporary", folder / "final");
        FileWatcher after(folder / "final");
        co_await io_test::turn();
        fs::create_hard_link(folder / "final", folder / "link");
        fs::rename(folder / "link", folder / "other");
        co_await io_test::turn();
        put(folder / "final", "text");
        std::optional<FileChange> change;
        do change = co_await after.next();
        while (change->kind() != FileChange::Kind::changed);
        CHECK(change->path() == folder / "final");
    });
}
