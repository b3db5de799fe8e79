#include <aio/uv/directory.hpp>

#include <array>
#include <memory>

#include <uv.h>

#include <aio/uv/detail/directory_access.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {

struct Directory::Block {
    uv_dir_t* dir = nullptr;
    std::array<uv_dirent_t, 64> entries{};
};

Directory::~Directory() {
    if (block_ == nullptr) return;
    uv_fs_t request;
    uv_fs_closedir(nullptr, &request, block_->dir, nullptr);
    uv_fs_req_cleanup(&request);
    delete block_;
}

void OpenDirectoryRequest::start(Loop& loop, const std::string& path, Completion& done) {
    started(uv_fs_opendir(loop.native(), prepare(done), path.c_str(), &on_done), "open directory", path);
}

Directory OpenDirectoryRequest::take() {
    auto block = std::make_unique<Directory::Block>();
    block->dir = static_cast<uv_dir_t*>(std::exchange(request()->ptr, nullptr));
    block->dir->dirents = block->entries.data();
    block->dir->nentries = block->entries.size();
    return Directory(block.release());
}

void ReadDirectoryRequest::start(Loop& loop, const Directory& directory, Completion& done) {
    started(uv_fs_readdir(loop.native(), prepare(done), directory.block_->dir, &on_done), "read",
            "a directory");
}

std::vector<DirectoryEntry> ReadDirectoryRequest::entries() const {
    std::vector<DirectoryEntry> entries;
    if (result() <= 0) return entries;
    const auto* const dir = static_cast<const uv_dir_t*>(request()->ptr);
    entries.reserve(static_cast<std::size_t>(result()));
    for (std::int64_t i = 0; i < result(); ++i)
        entries.emplace_back(dir->dirents[i].name, detail::type_of_entry(dir->dirents[i].type));
    return entries;
}

} // namespace aio::uv
