#include <aio/uv/file_copy.hpp>

#include <sys/stat.h>
#include <utility>

#include <uv.h>

namespace aio::uv {

/// What is to be done. Windows and macOS copy files themselves, as a whole.
class FileCopy::State {
public:
    State(std::string from, std::string to, bool exclusive) noexcept
        : from_(std::move(from)), to_(std::move(to)), exclusive_(exclusive) {}
    static void destroy(State* state) noexcept { delete state; }

    int run() const noexcept {
        if (const int status = look_at(from_); status < 0) return status;
        // libuv would remove what it cannot write.
        if (const int status = look_at(to_); status < 0 && status != UV_ENOENT) return status;
        uv_fs_t request;
        const int flags = UV_FS_COPYFILE_FICLONE | (exclusive_ ? UV_FS_COPYFILE_EXCL : 0);
        const int status = uv_fs_copyfile(nullptr, &request, from_.c_str(), to_.c_str(), flags, nullptr);
        uv_fs_req_cleanup(&request);
        return status;
    }

private:
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

FileCopy::FileCopy(std::string from, std::string to, bool exclusive)
    : state_(new State(std::move(from), std::move(to), exclusive), &State::destroy) {}

Descriptor FileCopy::give_up() noexcept {
    state_.reset();
    return Descriptor();
}

bool FileCopy::step() noexcept {
    if (!state_) return false;
    status_ = state_->run();
    state_.reset();
    return false;
}

} // namespace aio::uv
