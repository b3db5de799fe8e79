#include <aio/io/file_watcher.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/conformance.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using io_test::Folder;
using io_test::put;
namespace fs = std::filesystem;

namespace {

/// Reads changes until one is about this path.
Coro<std::optional<FileChange>> change_of(FileWatcher& watcher, fs::path path) {
    for (;;) {
        std::optional<FileChange> change = co_await watcher.next();
        if (!change || change->path() == path) co_return change;
    }
}

Coro<int> wait_for_a_change(Gate& gate) {
    const auto folder = std::make_shared<Folder>();
    FileWatcher watcher(folder->path);
    gate.on_open([folder] { put(*folder / "file", "text"); });
    const std::optional<FileChange> change = co_await watcher.next();
    co_return change && change->path() == *folder / "file" ? 7 : 0;
}

} // namespace

TEST_CASE("file watcher: a directory's new files, their content and their end are told") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        FileWatcher watcher(folder.path);
        put(folder / "file", "text");
        std::optional<FileChange> change = co_await change_of(watcher, folder / "file");
        CHECK(change->kind() == FileChange::Kind::renamed);
        change = co_await change_of(watcher, folder / "file");
        CHECK(change->kind() == FileChange::Kind::changed);
        fs::rename(folder / "file", folder / "other");
        change = co_await change_of(watcher, folder / "other");
        CHECK(change->kind() == FileChange::Kind::renamed);
        fs::remove(folder / "other");
        change = co_await change_of(watcher, folder / "other");
        CHECK(change->kind() == FileChange::Kind::renamed);
    });
}

TEST_CASE("file watcher: a file that is watched itself is told of by its own path, up to its removal") {
    const Folder folder;
    put(folder / "file", "text");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        FileWatcher watcher(folder / "file");
        put(folder / "file", "more");
        std::optional<FileChange> change = co_await watcher.next();
        CHECK(change->path() == folder / "file");
        CHECK(change->kind() == FileChange::Kind::changed);
        fs::remove(folder / "file");
        do change = co_await watcher.next();
        while (change->kind() != FileChange::Kind::renamed);
        CHECK(change->path() == folder / "file");
    });
}

TEST_CASE("file watcher: changes are kept for a reader that is slow, up to an overflow") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        FileWatcher watcher(folder.path);
        for (int i = 0; i < 3000; ++i) {
            put(folder / std::to_string(i), "");
            if (i % 100 == 0) co_await io_test::turn();
        }
        co_await io_test::turn();
        std::optional<FileChange> change;
        std::size_t count = 0;
        do {
            change = co_await watcher.next();
            ++count;
        } while (change->kind() != FileChange::Kind::overflow);
        CHECK(count == 1024);
        put(folder / "afterwards", "");
        change = co_await change_of(watcher, folder / "afterwards");
        CHECK(change.has_value());
    });
}

TEST_CASE("file watcher: errors name the path; a closed one gives the end") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        const fs::path missing = folder / "missing";
        const std::string error = thrown_by([&] { FileWatcher watcher(missing); });
        CHECK(error.find("watch " + missing.string()) != std::string::npos);
        FileWatcher watcher(folder.path);
        const auto wait = [&]() -> Coro<bool> {
            const std::optional<FileChange> change = co_await watcher.next();
            co_return change.has_value();
        };
        Task<bool> waiting = create_task(wait);
        co_await rounds(2);
        watcher.close();
        CHECK_FALSE(co_await waiting);
        CHECK_FALSE(co_await wait());
    });
}

TEST_CASE("conformance: file watchers") {
    check_conformance("FileWatcher.next", 7, [](Gate& gate) { return wait_for_a_change(gate); });
}
