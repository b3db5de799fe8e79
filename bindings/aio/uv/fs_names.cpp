#include <aio/uv/fs_names.hpp>

#include <uv.h>

#include <aio/uv/loop.hpp>

namespace aio::uv {

void LinkRequest::start(Loop& loop, const std::string& target, const std::string& name, Completion& done) {
    started(uv_fs_link(loop.native(), prepare(done), target.c_str(), name.c_str(), &on_done), "link", name);
}

void SymlinkRequest::start(Loop& loop, const std::string& target, const std::string& name, bool to_directory,
                           Completion& done) {
    started(uv_fs_symlink(loop.native(), prepare(done), target.c_str(), name.c_str(),
                          to_directory ? UV_FS_SYMLINK_DIR : 0, &on_done),
            "link", name);
}

void ReadlinkRequest::start(Loop& loop, const std::string& path, Completion& done) {
    started(uv_fs_readlink(loop.native(), prepare(done), path.c_str(), &on_done), "read link", path);
}

void ReadlinkRequest::start_for_real_path(Loop& loop, const std::string& path, Completion& done) {
    started(uv_fs_realpath(loop.native(), prepare(done), path.c_str(), &on_done), "resolve", path);
}

std::string ReadlinkRequest::path() const {
    const auto* text = static_cast<const char*>(request()->ptr);
    return text == nullptr ? std::string() : std::string(text);
}

void ChmodRequest::start(Loop& loop, const std::string& path, int permissions, Completion& done) {
    started(uv_fs_chmod(loop.native(), prepare(done), path.c_str(), permissions, &on_done),
            "set permissions of", path);
}

void ChmodRequest::start(Loop& loop, int file, int permissions, Completion& done) {
    started(uv_fs_fchmod(loop.native(), prepare(done), file, permissions, &on_done), "set permissions of",
            "a file");
}

void MkdtempRequest::start(Loop& loop, const std::string& prefix, Completion& done) {
    const std::string pattern = prefix + "XXXXXX";
    started(uv_fs_mkdtemp(loop.native(), prepare(done), pattern.c_str(), &on_done), "make directory",
            pattern);
}

std::string MkdtempRequest::path() const { return request()->path; }

} // namespace aio::uv
