#include <aio/uv/fs.hpp>

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/loop.hpp>

#include "fs_help.hpp"

namespace uv = aio::uv;
using uv_test::finish;
using uv_test::Folder;
using uv_test::Noted;

TEST_CASE("uv fs: a symbolic link is listed as one, and can be examined itself or followed") {
    uv::Loop loop;
    Folder folder;
    Noted done;
    std::ofstream(folder / "file") << "text";
    std::filesystem::create_symlink("file", folder / "link");

    uv::ScandirRequest list;
    list.start(loop, folder.path.string(), done);
    REQUIRE(finish(loop, done) == 0);
    const auto entries = list.take();
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].type() == uv::FileType::regular);
    CHECK(entries[1].name() == "link");
    CHECK(entries[1].type() == uv::FileType::symlink);

    uv::StatRequest stat;
    stat.start_for_link(loop, folder / "link", done);
    REQUIRE(finish(loop, done) == 0);
    CHECK(stat.status().is_symlink());
    stat.start(loop, folder / "link", done);
    REQUIRE(finish(loop, done) == 0);
    CHECK(stat.status().is_regular());
    CHECK(stat.status().size() == 4);
}

TEST_CASE("uv fs: a new file has the permissions asked for") {
    uv::Loop loop;
    Folder folder;
    Noted done;
    uv::OpenRequest open;
    open.start(loop, folder / "file", uv::OpenMode::write().create(0600), done);
    REQUIRE(finish(loop, done) == 0);
    uv::StatRequest stat;
    stat.start(loop, open.file(), done);
    REQUIRE(finish(loop, done) == 0);
    CHECK(stat.status().permissions() == 0600);
    uv::CloseRequest close;
    close.start(loop, uv::Descriptor(open.file()), done);
    CHECK(finish(loop, done) == 0);
}
