#include <aio/uv/file_copy.hpp>

#include <sys/stat.h>
#include <utility>

#include <uv.h>

namespace aio::uv {

/// Windows and macOS copy files themselves, as a whole.
class FileCopy::SystemWork final : public Work {
public:
    SystemWork(std::string from, std::string to, bool exclusive) noexcept
        : from_(std::move(from)), to_(std::move(to)), exclusive_(exclusive) {}
    Descriptor give_up() noexcept override { return Descriptor(); }

    int advance() noexcept override {
        if (const int status = look_at(from_); status < 0) return status;
        if (const int status = look_at_target(); status < 0) return status;
        uv_fs_t request;
        const int flags = UV_FS_COPYFILE_FICLONE | (exclusive_ ? UV_FS_COPYFILE_EXCL : 0);
        const int status = uv_fs_copyfile(nullptr, &request, from_.c_str(), to_.c_str(), flags, nullptr);
        uv_fs_req_cleanup(&request);
        return status;
    }

private:
    /// libuv would remove what it cannot write.
    int look_at_target() const noexcept {
        const int status = look_at(to_);
        if (status == UV_ENOENT) return 0;
        const bool exists = status == 0 || status == UV_EISDIR || status == UV_ENOTSUP;
        return exists && exclusive_ ? static_cast<int>(UV_EEXIST) : status;
    }

    /// An error unless it is a regular file.
    static int look_at(const std::string& path) noexcept {
        uv_fs_t request;
        int status = uv_fs_stat(nullptr, &request, path.c_str(), nullptr);
        if (status == 0) {
            const auto type = static_cast<unsigned>(request.statbuf.st_mode) & S_IFMT;
            if (type != S_IFREG) status = type == S_IFDIR ? UV_EISDIR : UV_ENOTSUP;
        }
        uv_fs_req_cleanup(&request);
        return status;
    }

    std::string from_;
    std::string to_;
    bool exclusive_;
};

std::unique_ptr<FileCopy::Work> FileCopy::begin(std::string from, std::string to, bool exclusive) {
    return std::make_unique<SystemWork>(std::move(from), std::move(to), exclusive);
}

} // namespace aio::uv
