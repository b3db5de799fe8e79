#include <aio/uv/fs.hpp>

#include <filesystem>
#include <string>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/loop.hpp>

#include "byte_reader.hpp"
#include "fs_help.hpp"

namespace uv = aio::uv;
using uv_test::bytes;
using uv_test::finish;
using uv_test::Folder;
using uv_test::Noted;

namespace {

std::vector<std::byte> copy(std::string_view text) {
    const auto view = bytes(text);
    return {view.begin(), view.end()};
}

} // namespace

TEST_CASE("uv fs: a file is written, read in pieces, examined and closed") {
    uv::Loop loop;
    Folder folder;
    Noted done;
    uv::OpenRequest open;
    open.start(loop, folder / "file", uv::OpenMode::read_write().create(0640).truncate(), done);
    CHECK(done.calls == 0);
    REQUIRE(finish(loop, done) == 0);
    const int file = open.file();

    uv::WriteRequest write;
    write.start(loop, file, copy("some text"), 0, done);
    REQUIRE(finish(loop, done) == 0);
    CHECK(write.written() == 9);

    uv::ReadRequest read;
    read.start(loop, file, 100, 5, done);
    REQUIRE(finish(loop, done) == 0);
    CHECK(read.data().size() == 4);
    CHECK(read.take() == copy("text"));
    read.start(loop, file, 100, 9, done);
    REQUIRE(finish(loop, done) == 0);
    CHECK(read.data().empty());

    uv::StatRequest stat;
    stat.start(loop, file, done);
    REQUIRE(finish(loop, done) == 0);
    CHECK(stat.status().size() == 9);
    CHECK(stat.status().is_regular());
    const auto inode = stat.status().inode();
    stat.start(loop, folder / "file", done);
    REQUIRE(finish(loop, done) == 0);
    CHECK(stat.status().inode() == inode);

    uv::CloseRequest close;
    close.start(loop, uv::Descriptor(file), done);
    CHECK(finish(loop, done) == 0);
    close.start(loop, uv::Descriptor(file), done);
    CHECK(finish(loop, done) == UV_EBADF);
}

TEST_CASE("uv fs: directories are made, listed by name, and emptied") {
    uv::Loop loop;
    Folder folder;
    Noted done;
    uv::MkdirRequest mkdir;
    mkdir.start(loop, folder / "b", 0755, done);
    REQUIRE(finish(loop, done) == 0);
    mkdir.start(loop, folder / "b", 0755, done);
    CHECK(finish(loop, done) == UV_EEXIST);
    uv::OpenRequest open;
    open.start(loop, folder / "c", uv::OpenMode::write().create(), done);
    REQUIRE(finish(loop, done) == 0);
    uv::CloseRequest close;
    close.start(loop, uv::Descriptor(open.file()), done);
    REQUIRE(finish(loop, done) == 0);
    uv::RenameRequest rename;
    rename.start(loop, folder / "c", folder / "a", done);
    REQUIRE(finish(loop, done) == 0);

    uv::ScandirRequest list;
    list.start(loop, folder.path.string(), done);
    REQUIRE(finish(loop, done) == 0);
    const auto entries = list.take();
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].name() == "a");
    CHECK(entries[0].type() == uv::FileType::regular);
    CHECK(entries[1].name() == "b");
    CHECK(entries[1].type() == uv::FileType::directory);

    uv::UnlinkRequest unlink;
    unlink.start(loop, folder / "a", done);
    CHECK(finish(loop, done) == 0);
    uv::RmdirRequest rmdir;
    rmdir.start(loop, folder / "b", done);
    CHECK(finish(loop, done) == 0);
    list.start(loop, folder / "b", done);
    CHECK(finish(loop, done) == UV_ENOENT);
    CHECK(list.take().empty());
}

TEST_CASE("uv fs: exclusive creation refuses a file that exists, append writes at the end") {
    uv::Loop loop;
    Folder folder;
    Noted done;
    uv::OpenRequest open;
    uv::CloseRequest close;
    uv::WriteRequest write;
    for (const char* text : {"one", "two"}) {
        open.start(loop, folder / "file", uv::OpenMode::write().create().append(), done);
        REQUIRE(finish(loop, done) == 0);
        write.start(loop, open.file(), copy(text), uv::file_position, done);
        REQUIRE(finish(loop, done) == 0);
        close.start(loop, uv::Descriptor(open.file()), done);
        REQUIRE(finish(loop, done) == 0);
    }
    CHECK(std::filesystem::file_size(folder / "file") == 6);
    open.start(loop, folder / "file", uv::OpenMode::write().create().exclusive(), done);
    CHECK(finish(loop, done) == UV_EEXIST);
    open.start(loop, folder / "missing", uv::OpenMode::read(), done);
    CHECK(finish(loop, done) == UV_ENOENT);
}

TEST_CASE("uv fs: a listing that nobody takes leaks nothing") {
    uv::Loop loop;
    Noted done;
    uv::ScandirRequest list;
    list.start(loop, "/", done);
    CHECK(finish(loop, done) == 0);
}
