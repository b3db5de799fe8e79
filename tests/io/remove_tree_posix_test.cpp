#include <aio/io/file_system.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/temporary.hpp>
#include <aio/uv/descriptor.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/tree_removal.hpp>

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

/// Directories in each other, so many that their path is longer than the system takes.
void make_long_path(const fs::path& top) {
    fs::create_directory(top);
    uv::Descriptor here(::open(top.c_str(), O_RDONLY | O_DIRECTORY));
    const std::string name(200, 'd');
    for (int i = 0; i < 40; ++i) {
        REQUIRE(::mkdirat(here.get(), name.c_str(), 0777) == 0);
        here = uv::Descriptor(::openat(here.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
        REQUIRE(here.valid());
    }
    const uv::Descriptor file(::openat(here.get(), "file", O_WRONLY | O_CREAT, 0666));
    CHECK(file.valid());
}

void make_files(const fs::path& directory, int count) {
    fs::create_directories(directory);
    for (int i = 0; i < count; ++i) put(directory / std::to_string(i), "");
}

} // namespace

TEST_CASE("remove_tree: two at once remove one tree, and neither fails") {
    const Folder folder;
    for (int i = 0; i < 5; ++i) make_files(folder / "tree" / std::to_string(i) / "below", 3);
    uv::TreeRemoval first((folder / "tree").string());
    uv::TreeRemoval second((folder / "tree").string());
    bool more = true;
    while (more) {
        more = first.step(1);
        more = second.step(1) || more;
    }
    CHECK(first.failed() == "");
    CHECK(second.failed() == "");
    CHECK_FALSE(fs::exists(folder / "tree"));
}

TEST_CASE("remove_tree: what has gone from under it is no error") {
    const Folder folder;
    make_files(folder / "tree/below", 10);
    uv::TreeRemoval removal((folder / "tree").string());
    CHECK(removal.step(4));
    fs::remove_all(folder / "tree");
    while (removal.step(1)) continue;
    CHECK(removal.status() == 0);
}

TEST_CASE("remove_tree: a link that takes the place of a directory is removed, whenever it comes") {
    for (std::size_t steps = 0; steps < 12; ++steps) {
        CAPTURE(steps);
        const Folder folder;
        fs::create_directories(folder / "other");
        put(folder / "other/precious", "text");
        fs::create_directories(folder / "tree/a");
        fs::create_directories(folder / "tree/b");
        for (const char* name : {"tree/one", "tree/two", "tree/a/three", "tree/b/four"})
            put(folder / name, "");
        uv::TreeRemoval removal((folder / "tree").string());
        if (steps > 0) removal.step(steps);
        for (const char* name : {"tree/a", "tree/b", "tree"}) {
            if (!fs::exists(folder / name)) continue;
            fs::rename(folder / name, folder / "away");
            fs::create_directory_symlink(folder / "other", folder / name);
            break;
        }
        while (removal.step(1)) continue;
        CHECK(get(folder / "other/precious") == "text");
        // What was moved away while it was in it may be left, and then the link in its place.
        if (removal.status() == 0) CHECK_FALSE(fs::exists(fs::symlink_status(folder / "tree")));
    }
}

TEST_CASE("remove_tree: a path longer than the system takes, and deeper than directories are kept open") {
    const Folder folder;
    make_long_path(folder / "top");
    run_in_real_time([&](EventLoop&) -> Coro<> { co_await remove_tree(folder / "top"); });
    CHECK_FALSE(fs::exists(folder / "top"));
    make_long_path(folder / "top");
    uv::TreeRemoval removal((folder / "top").string());
    const auto open = [] {
        return std::distance(fs::directory_iterator("/dev/fd"), fs::directory_iterator());
    };
    const std::ptrdiff_t before = open();
    std::ptrdiff_t most = 0;
    while (removal.step(1)) most = std::max(most, open());
    CHECK(removal.failed() == "");
    CHECK(most <= before + 17);
    CHECK(open() == before);
}

TEST_CASE(
    "remove_tree: a deep directory that is moved away meanwhile is left alone, and the rest is removed") {
    const Folder folder;
    fs::path deep = folder / "tree";
    for (int i = 0; i < 30; ++i) deep /= "d";
    fs::create_directories(deep);
    put(deep / "file", "");
    put(folder / "beside", "text");
    uv::TreeRemoval removal((folder / "tree").string());
    while (fs::exists(deep / "file")) REQUIRE(removal.step(1));
    // Far above what is open.
    fs::rename(folder / "tree/d/d", folder / "away");
    fs::create_directories(folder / "tree/d/d");
    put(folder / "tree/d/d/new", "");
    while (removal.step(1)) continue;
    CHECK(removal.failed() == "");
    CHECK_FALSE(fs::exists(folder / "tree"));
    CHECK(fs::is_directory(folder / "away"));
    CHECK(get(folder / "beside") == "text");
}

TEST_CASE("remove_tree: what cannot be removed is named with its whole path") {
    // Nothing is refused to root.
    if (::geteuid() == 0) return;
    const Folder folder;
    fs::create_directories(folder / "tree/closed");
    put(folder / "tree/closed/file", "");
    fs::permissions(folder / "tree/closed", fs::perms(0500));
    run_in_real_time([&](EventLoop&) -> Coro<> {
        const std::string error = co_await outcome(remove_tree(folder / "tree"));
        CHECK(error.find("remove " + (folder / "tree/closed/file").string()) != std::string::npos);
    });
    fs::permissions(folder / "tree/closed", fs::perms(0700));
}

TEST_CASE("remove_tree: the link to a directory is removed, and not what it points to") {
    const Folder folder;
    fs::create_directories(folder / "target");
    put(folder / "target/file", "text");
    fs::create_directory_symlink("target", folder / "link");
    run_in_real_time([&](EventLoop&) -> Coro<> { co_await remove_tree(folder / "link/"); });
    CHECK_FALSE(fs::exists(fs::symlink_status(folder / "link")));
    CHECK(get(folder / "target/file") == "text");
}
