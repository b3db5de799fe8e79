#include <aio/uv/tree_removal.hpp>

#include <filesystem>
#include <utility>
#include <vector>

#include <uv.h>
#include <windows.h>

#include <aio/uv/detail/directory_access.hpp>

// There are no calls relative to an open directory. Instead each directory that has been entered is held open
// so that nobody can rename or remove it, nor those above it: then its path leads nowhere else. (One that is
// empty can still be made a junction in place. What is in it goes by then.)

namespace aio::uv {
namespace {

struct CloseHandleOf {
    using pointer = HANDLE;
    void operator()(HANDLE handle) const noexcept { ::CloseHandle(handle); }
};
using OpenDirectory = std::unique_ptr<HANDLE, CloseHandleOf>;

/// A directory that has been entered, and what of its entries is still to be removed.
struct Level {
    OpenDirectory directory;
    std::string path;
    std::vector<DirectoryEntry> entries;
};

/// One of libuv's functions, on this thread.
class Call {
public:
    Call() = default;
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { uv_fs_req_cleanup(&request); }
    uv_fs_t request{};
};

int unlink_now(const std::string& path) noexcept {
    Call call;
    return uv_fs_unlink(nullptr, &call.request, path.c_str(), nullptr);
}

int rmdir_now(const std::string& path) noexcept {
    Call call;
    return uv_fs_rmdir(nullptr, &call.request, path.c_str(), nullptr);
}

int list_now(const std::string& path, std::vector<DirectoryEntry>& entries) {
    Call call;
    const int status = uv_fs_scandir(nullptr, &call.request, path.c_str(), 0, nullptr);
    uv_dirent_t entry;
    while (status >= 0 && uv_fs_scandir_next(&call.request, &entry) == 0)
        entries.emplace_back(entry.name, detail::type_of_entry(entry.type));
    return status < 0 ? status : 0;
}

} // namespace

class TreeRemoval::Levels {
public:
    Levels(TreeRemoval& removal, std::string path) : removal_(removal), path_(std::move(path)) {
        while (path_.size() > 1 && (path_.back() == '/' || path_.back() == '\\') &&
               path_[path_.size() - 2] != ':')
            path_.pop_back();
    }

    /// Goes on by one entry; false at the end.
    bool advance() {
        if (levels_.empty()) return remove(path_, true) && !levels_.empty();
        Level& here = levels_.back();
        if (here.entries.empty()) return leave();
        const std::string path = here.path + '\\' + here.entries.back().name();
        const bool may_be_directory = here.entries.back().type() != FileType::regular;
        here.entries.pop_back();
        return remove(path, may_be_directory);
    }

private:
    bool fail(int status, const char* operation, const std::string& path) {
        removal_.status_ = status;
        removal_.failed_ = operation + (" " + path);
        return false;
    }

    /// Removes what is no directory, and enters what is one. True: to be gone on.
    bool remove(const std::string& path, bool may_be_directory) {
        if (may_be_directory) {
            OpenDirectory directory = open(path);
            if (directory) {
                Level level{std::move(directory), path, {}};
                if (const int status = list_now(path, level.entries))
                    return fail(status, "read directory", path);
                levels_.push_back(std::move(level));
                return true;
            }
        }
        const int status = unlink_now(path);
        if (status >= 0 || (status == UV_ENOENT && !levels_.empty())) return true;
        return fail(status, "remove", path);
    }

    /// Opens a directory that is no link, or gives nothing.
    static OpenDirectory open(const std::string& path) {
        const std::wstring wide = std::filesystem::path(std::u8string(path.begin(), path.end())).wstring();
        const HANDLE handle = ::CreateFileW(
            wide.c_str(), FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE,
            nullptr, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
        if (handle == INVALID_HANDLE_VALUE) return nullptr;
        OpenDirectory directory(handle);
        FILE_ATTRIBUTE_TAG_INFO info{};
        if (::GetFileInformationByHandleEx(handle, FileAttributeTagInfo, &info, sizeof info) == 0)
            return nullptr;
        if ((info.FileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0) return nullptr;
        // Other reparse points, as those of files in a cloud, do not lead to another place.
        const bool is_link = (info.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 &&
                             IsReparseTagNameSurrogate(info.ReparseTag);
        return is_link ? nullptr : std::move(directory);
    }

    /// The end of the deepest level: removes it.
    bool leave() {
        const std::string path = std::move(levels_.back().path);
        levels_.pop_back();
        const int status = rmdir_now(path);
        if (status < 0 && status != UV_ENOENT) return fail(status, "remove directory", path);
        return !levels_.empty();
    }

    TreeRemoval& removal_;
    std::string path_;
    std::vector<Level> levels_;
};

TreeRemoval::TreeRemoval(std::string path)
    : levels_(new Levels(*this, std::move(path)), [](Levels* levels) noexcept { delete levels; }) {}

bool TreeRemoval::advance() { return levels_->advance(); }

} // namespace aio::uv
