#include <aio/io/file_system.hpp>

#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/tree_removal.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using io_test::error_of;
using io_test::Folder;
using io_test::put;
namespace fs = std::filesystem;

namespace {

void make_files(const fs::path& directory, int count) {
    fs::create_directories(directory);
    for (int i = 0; i < count; ++i) put(directory / std::to_string(i), "");
}

std::ptrdiff_t count_of(const fs::path& directory) {
    return std::distance(fs::directory_iterator(directory), fs::directory_iterator());
}

} // namespace

TEST_CASE("remove_tree: what was never there is an error") {
    const Folder folder;
    uv::TreeRemoval nothing((folder / "tree").string());
    CHECK_FALSE(nothing.step(1));
    CHECK(uv::error_code(nothing.status()) == std::errc::no_such_file_or_directory);
    CHECK(nothing.failed() == "remove " + (folder / "tree").string());
}

TEST_CASE("remove_tree: a cancelled one stops between entries, and leaves the rest") {
    const Folder folder;
    make_files(folder / "tree", 2000);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        const auto remove = [&]() -> Coro<> { co_await remove_tree(folder / "tree"); };
        Task<> task = create_task(remove);
        // Until it has begun.
        while (count_of(folder / "tree") == 2000) co_await rounds(1);
        task.cancel();
        CHECK(co_await outcome(task) == "cancelled");
        CHECK(count_of(folder / "tree") > 0);
        co_await remove_tree(folder / "tree");
    });
    CHECK_FALSE(fs::exists(folder / "tree"));
}

TEST_CASE("remove_tree: a tree of more entries than one step takes goes, whatever slash ends its path") {
    const Folder folder;
    for (int i = 0; i < 40; ++i) make_files(folder / "tree" / std::to_string(i), 5);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        // A slash at the end does not count.
        co_await remove_tree(folder / "tree/");
        CHECK(co_await error_of(remove_tree(folder / "tree")) == std::errc::no_such_file_or_directory);
    });
    CHECK_FALSE(fs::exists(folder / "tree"));
}
