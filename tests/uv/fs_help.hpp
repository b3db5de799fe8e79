#pragma once

/// What the tests of files share.

#include <filesystem>
#include <string>

#include <uv.h>

#include "run_until.hpp"

namespace uv_test {

/// A directory of the test's own, removed at its end.
struct Folder {
    Folder()
        : path(std::filesystem::temp_directory_path() / ("aiouv_fs_test_" + std::to_string(uv_os_getpid()))) {
        std::filesystem::remove_all(path);
        std::filesystem::create_directory(path);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string operator/(const char* name) const { return (path / name).string(); }
    std::filesystem::path path;
};

/// Runs a started request to its end and gives its status.
inline int finish(aio::uv::Loop& loop, Noted& done) {
    run_until(loop, [&] { return done.calls == 1; });
    done.calls = 0;
    return done.status;
}

} // namespace uv_test
