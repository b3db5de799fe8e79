#include <aio/uv/fs.hpp>

#include <algorithm>
#include <new>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include <uv.h>

#include <aio/uv/detail/buffer.hpp>
#include <aio/uv/detail/directory_access.hpp>
#include <aio/uv/detail/work_queue.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {
namespace {

FileType type_of_mode(std::uint64_t mode) noexcept {
    switch (mode & S_IFMT) {
    case S_IFREG: return FileType::regular;
    case S_IFDIR: return FileType::directory;
    case S_IFLNK: return FileType::symlink;
    case S_IFCHR: return FileType::character_device;
#if !defined(_WIN32)
    case S_IFIFO: return FileType::fifo;
    case S_IFSOCK: return FileType::socket;
    case S_IFBLK: return FileType::block_device;
#endif
    default: return FileType::unknown;
    }
}

} // namespace

FileType detail::type_of_entry(uv_dirent_type_t type) noexcept {
    switch (type) {
    case UV_DIRENT_FILE: return FileType::regular;
    case UV_DIRENT_DIR: return FileType::directory;
    case UV_DIRENT_LINK: return FileType::symlink;
    case UV_DIRENT_FIFO: return FileType::fifo;
    case UV_DIRENT_SOCKET: return FileType::socket;
    case UV_DIRENT_CHAR: return FileType::character_device;
    case UV_DIRENT_BLOCK: return FileType::block_device;
    default: return FileType::unknown;
    }
}

static_assert(sizeof(uv_fs_t) <= 512, "make FileRequest::request_ larger");

FileRequest::FileRequest() noexcept { ::new (static_cast<void*>(request_)) uv_fs_t{}; }

FileRequest::~FileRequest() { uv_fs_req_cleanup(request()); }

uv_fs_s* FileRequest::request() noexcept { return reinterpret_cast<uv_fs_t*>(request_); }

const uv_fs_s* FileRequest::request() const noexcept { return reinterpret_cast<const uv_fs_t*>(request_); }

std::int64_t FileRequest::result() const noexcept { return request()->result; }

uv_fs_s* FileRequest::prepare(Completion& done) noexcept {
    detail::note_use_of_work_queue();
    uv_fs_t* const r = request();
    uv_fs_req_cleanup(r);
    *r = uv_fs_t{};
    r->data = this;
    done_ = &done;
    return r;
}

void FileRequest::started(int status, std::string_view what, const std::string& path) {
    if (status < 0) throw_error(status, std::string(what) + " " + path);
}

void FileRequest::on_done(uv_fs_s* request) noexcept {
    auto& self = *static_cast<FileRequest*>(request->data);
    (*self.done_)(request->result < 0 ? static_cast<int>(request->result) : 0);
}

bool FileRequest::cancel() noexcept { return uv_cancel(reinterpret_cast<uv_req_t*>(request())) == 0; }

int OpenMode::flags() const noexcept {
    int flags = read_ && write_ ? UV_FS_O_RDWR : write_ ? UV_FS_O_WRONLY : UV_FS_O_RDONLY;
    if (create_) flags |= UV_FS_O_CREAT;
    if (exclusive_) flags |= UV_FS_O_EXCL;
    if (truncate_) flags |= UV_FS_O_TRUNC;
    if (append_) flags |= UV_FS_O_APPEND;
#if defined(O_CLOEXEC)
    flags |= O_CLOEXEC;
#endif
    return flags;
}

void OpenRequest::start(Loop& loop, const std::string& path, const OpenMode& mode, Completion& done) {
    started(
        uv_fs_open(loop.native(), prepare(done), path.c_str(), mode.flags(), mode.permissions(), &on_done),
        "open", path);
}

void CloseRequest::start(Loop& loop, Descriptor file, Completion& done) {
#if !defined(_WIN32)
    // libuv would leave its number free.
    file = above_standard(std::move(file));
#endif
    started(uv_fs_close(loop.native(), prepare(done), file.get(), &on_done), "close", "a file");
    static_cast<void>(file.release());
}

void ReadRequest::start(Loop& loop, int file, std::size_t size, std::int64_t offset, Completion& done) {
    buffer_.resize(size);
    const uv_buf_t buf = detail::buffer(buffer_);
    started(uv_fs_read(loop.native(), prepare(done), file, &buf, 1, offset, &on_done), "read", "a file");
}

std::span<const std::byte> ReadRequest::data() const noexcept {
    return std::span(buffer_).first(static_cast<std::size_t>(std::max<std::int64_t>(result(), 0)));
}

std::vector<std::byte> ReadRequest::take() noexcept {
    buffer_.resize(data().size());
    return std::move(buffer_);
}

void WriteRequest::start(Loop& loop, int file, std::vector<std::byte> data, std::int64_t offset,
                         Completion& done) {
    data_ = std::move(data);
    const uv_buf_t buf = detail::buffer(data_);
    started(uv_fs_write(loop.native(), prepare(done), file, &buf, 1, offset, &on_done), "write", "a file");
}

void TruncateRequest::start(Loop& loop, int file, std::int64_t size, Completion& done) {
    started(uv_fs_ftruncate(loop.native(), prepare(done), file, size, &on_done), "truncate", "a file");
}

void SyncRequest::start(Loop& loop, int file, bool data_only, Completion& done) {
    const auto sync = data_only ? &uv_fs_fdatasync : &uv_fs_fsync;
    started(sync(loop.native(), prepare(done), file, &on_done), "sync", "a file");
}

void StatRequest::start(Loop& loop, const std::string& path, Completion& done) {
    started(uv_fs_stat(loop.native(), prepare(done), path.c_str(), &on_done), "stat", path);
}

void StatRequest::start_for_link(Loop& loop, const std::string& path, Completion& done) {
    started(uv_fs_lstat(loop.native(), prepare(done), path.c_str(), &on_done), "stat", path);
}

void StatRequest::start(Loop& loop, int file, Completion& done) {
    started(uv_fs_fstat(loop.native(), prepare(done), file, &on_done), "stat", "a file");
}

FileStatus StatRequest::status() const noexcept {
    const uv_stat_t& s = request()->statbuf;
    const FileStatus::Time modified(std::chrono::seconds(s.st_mtim.tv_sec) +
                                    std::chrono::nanoseconds(s.st_mtim.tv_nsec));
    return FileStatus(type_of_mode(s.st_mode), s.st_size, static_cast<int>(s.st_mode & 07777U), modified,
                      s.st_dev, s.st_ino);
}

void ScandirRequest::start(Loop& loop, const std::string& path, Completion& done) {
    started(uv_fs_scandir(loop.native(), prepare(done), path.c_str(), 0, &on_done), "list", path);
}

std::vector<DirectoryEntry> ScandirRequest::take() {
    std::vector<DirectoryEntry> entries;
    if (result() > 0) entries.reserve(static_cast<std::size_t>(result()));
    uv_dirent_t entry;
    while (uv_fs_scandir_next(request(), &entry) == 0)
        entries.emplace_back(entry.name, detail::type_of_entry(entry.type));
    return entries;
}

void MkdirRequest::start(Loop& loop, const std::string& path, int permissions, Completion& done) {
    started(uv_fs_mkdir(loop.native(), prepare(done), path.c_str(), permissions, &on_done), "make directory",
            path);
}

void UnlinkRequest::start(Loop& loop, const std::string& path, Completion& done) {
    started(uv_fs_unlink(loop.native(), prepare(done), path.c_str(), &on_done), "remove", path);
}

void RmdirRequest::start(Loop& loop, const std::string& path, Completion& done) {
    started(uv_fs_rmdir(loop.native(), prepare(done), path.c_str(), &on_done), "remove directory", path);
}

void RenameRequest::start(Loop& loop, const std::string& from, const std::string& to, Completion& done) {
    started(uv_fs_rename(loop.native(), prepare(done), from.c_str(), to.c_str(), &on_done), "rename", from);
}

} // namespace aio::uv
