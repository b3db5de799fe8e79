#include <aio/io/file.hpp>

#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/subprocess.hpp>
#include <aio/uv/descriptor.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

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
