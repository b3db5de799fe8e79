#include <aio/io/file_watcher.hpp>

#include <filesystem>
#include <optional>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>

#include "io/file_help.hpp"
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
