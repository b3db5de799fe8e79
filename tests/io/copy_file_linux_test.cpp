// Copies of what is no ordinary file, and copies that are given up.

#include <aio/io/file_system.hpp>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/file_contents.hpp>
#include <aio/uv/descriptor.hpp>
#include <aio/uv/file_copy.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "io/terminal_help_posix.hpp"
#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using io_test::error_of;
using io_test::Folder;
using io_test::get;
using io_test::put;
namespace fs = std::filesystem;

namespace {

/// A file of so many bytes, all but the last of which take no room.
void put_sparse(const fs::path& path, std::uint64_t size) {
    put(path, "first");
    fs::resize_file(path, size - 4);
    const uv::Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    REQUIRE(::write(file.get(), "last", 4) == 4);
}

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

} // namespace

TEST_CASE("copy_file: devices and pipes are neither written to nor read from, and stay") {
    const Folder folder;
    put(folder / "file", "text");
    REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
    const io_test::PseudoTerminal pty;
    const std::string terminal = "/proc/self/fd/" + std::to_string(pty.terminal.get());
    fs::create_symlink(terminal, folder / "link");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        for (const char* name : {"fifo", "link"}) {
            CHECK(co_await error_of(aio::copy_file(folder / "file", folder / name)) ==
                  std::errc::not_supported);
            CHECK(co_await error_of(aio::copy_file(folder / name, folder / "file")) ==
                  std::errc::not_supported);
        }
        const std::string error = co_await outcome(aio::copy_file(folder / "file", folder / "fifo"));
        CHECK(contains(error, "copy " + (folder / "file").string() + " to " + (folder / "fifo").string()));
        CHECK(contains(error, "operation not supported"));
    });
    CHECK(fs::is_fifo(folder / "fifo"));
    CHECK(fs::is_symlink(folder / "link"));
    CHECK(get(folder / "file") == "text");
}

TEST_CASE("copy_file: who waits for a reader of a pipe goes on waiting") {
    const Folder folder;
    put(folder / "file", "text");
    const std::string fifo = folder / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    std::atomic<bool> through{false};
    std::thread writer([&] {
        const uv::Descriptor end(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
        through = true;
        static_cast<void>(::write(end.get(), "x", 1));
    });
    run_in_real_time([&](EventLoop&) -> Coro<> {
        // Many times, as nobody can tell when the writer has begun to wait.
        for (int i = 0; i < 200 && !through; ++i)
            CHECK(co_await error_of(aio::copy_file(fifo, folder / "new")) == std::errc::not_supported);
        CHECK_FALSE(fs::exists(folder / "new"));
    });
    CHECK_FALSE(through);
    // For both directions, so that this waits for nobody; what was written earlier is lost.
    const uv::Descriptor end(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
    writer.join();
    pollfd readable{end.get(), POLLIN, 0};
    CHECK(::poll(&readable, 1, 0) == 1);
}

TEST_CASE("copy_file: files are copied whole whose sizes the system does not know, or not right") {
    const Folder folder;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        // Its size is said to be 0; that of the second, if it is there, a page.
        for (const char* source : {"/proc/filesystems", "/sys/kernel/mm/transparent_hugepage/enabled"}) {
            if (!fs::exists(source)) continue;
            co_await aio::copy_file(source, folder / "copy");
            const std::string expected = co_await read_text(source);
            CHECK_FALSE(expected.empty());
            CHECK(get(folder / "copy") == expected);
            co_await aio::remove(folder / "copy");
        }
    });
}

TEST_CASE("copy_file: large files are copied in steps, with their permissions, over longer ones too") {
    const Folder folder;
    put_sparse(folder / "large", 150 * mebibyte);
    fs::permissions(folder / "large", fs::perms(0640));
    put_sparse(folder / "longer", 200 * mebibyte);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        for (const char* name : {"copy", "longer"}) {
            co_await aio::copy_file(folder / "large", folder / name);
            CHECK(fs::file_size(folder / name) == 150 * mebibyte);
            CHECK(fs::status(folder / name).permissions() == fs::perms(0640));
            const uv::Descriptor copy(::open((folder / name).c_str(), O_RDONLY | O_CLOEXEC));
            char text[6] = {};
            CHECK(::pread(copy.get(), text, 5, 0) == 5);
            CHECK(std::string(text) == "first");
            CHECK(::pread(copy.get(), text, 5, 150 * mebibyte - 4) == 4);
            CHECK(std::string(text, 4) == "last");
        }
    });
}

TEST_CASE("copy_file: onto itself, by whatever name, it does nothing; through a link it writes the target") {
    const Folder folder;
    put(folder / "file", "text");
    put(folder / "other", "something longer");
    fs::create_hard_link(folder / "file", folder / "same");
    fs::create_symlink(folder / "other", folder / "link");
    fs::create_symlink(folder / "new", folder / "dangling");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        for (const char* name : {"file", "same"}) co_await aio::copy_file(folder / "file", folder / name);
        for (const char* name : {"link", "dangling"}) co_await aio::copy_file(folder / "file", folder / name);
        CHECK(co_await error_of(aio::copy_file(folder / "file", folder / "dangling",
                                               CopyMode::fail_if_exists)) == std::errc::file_exists);
    });
    for (const char* name : {"file", "same", "other", "new"}) CHECK(get(folder / name) == "text");
    CHECK(fs::is_symlink(folder / "link"));
}

TEST_CASE("copy_file: one that is given up, or fails half way, leaves no half") {
    const Folder folder;
    put_sparse(folder / "large", 150 * mebibyte);
    {
        uv::FileCopy copy(folder / "large", folder / "given up", false);
        REQUIRE(copy.step());
        CHECK(fs::exists(folder / "given up"));
    }
    CHECK_FALSE(fs::exists(folder / "given up"));
    run_in_real_time([&](EventLoop&) -> Coro<> {
        auto copying = create_task(aio::copy_file(folder / "large", folder / "cancelled"));
        while (!fs::exists(folder / "cancelled")) co_await rounds(1);
        copying.cancel();
        const std::string end = co_await outcome(copying);
        // A file system that shares the bytes is done at once.
        CHECK(fs::exists(folder / "cancelled") == (end != "cancelled"));
    });

    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    rlimit small = before;
    small.rlim_cur = mebibyte;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto ignore_before = std::signal(SIGXFSZ, SIG_IGN);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        CHECK(co_await error_of(aio::copy_file(folder / "large", folder / "too large")) ==
              std::errc::file_too_large);
    });
    std::signal(SIGXFSZ, ignore_before);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK_FALSE(fs::exists(folder / "too large"));
}
