#pragma once

/// Files, by way of libuv's work queue.
///
/// Each operation is an object: it owns the request, the path and the bytes, so that nothing of its caller is
/// touched while a thread works on it. Start it, keep it alive until its completion has been called, then ask
/// it for the result. Status 0 is success, otherwise a negative libuv error. An object may be started again
/// once it has completed.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <aio/uv/completion.hpp>
#include <aio/uv/descriptor.hpp>

struct uv_fs_s;

namespace aio::uv {

class Loop;

/// Base of the operations.
class FileRequest {
public:
    FileRequest(const FileRequest&) = delete;
    FileRequest& operator=(const FileRequest&) = delete;

    /// Takes an operation that no thread has begun out of the queue: true, and the completion comes with
    /// ECANCELED. False when it runs or has run.
    bool cancel() noexcept;

protected:
    FileRequest() noexcept;
    ~FileRequest();

    /// Gets ready for another start. A completion must not be outstanding.
    uv_fs_s* prepare(Completion& done) noexcept;
    /// Throws if the loop refused; otherwise the completion will come.
    static void started(int status, std::string_view what, const std::string& path);
    static void on_done(uv_fs_s* request) noexcept;
    [[nodiscard]] uv_fs_s* request() noexcept;
    [[nodiscard]] const uv_fs_s* request() const noexcept;
    [[nodiscard]] std::int64_t result() const noexcept;

private:
    Completion* done_ = nullptr;
    // Room for a uv_fs_t; fs.cpp asserts that it is enough.
    alignas(void*) unsigned char request_[512];
};

/// How a file is opened.
class OpenMode {
public:
    static OpenMode read() noexcept { return OpenMode(true, false); }
    static OpenMode write() noexcept { return OpenMode(false, true); }
    static OpenMode read_write() noexcept { return OpenMode(true, true); }
    /// Makes the file if it does not exist, with these permissions less the process's mask.
    OpenMode& create(int permissions = 0666) noexcept {
        return create_ = true, permissions_ = permissions, *this;
    }
    /// With `create`: fails if the file exists.
    OpenMode& exclusive() noexcept { return exclusive_ = true, *this; }
    /// Removes what is in it. Only for writing: otherwise systems do different things.
    OpenMode& truncate() noexcept { return truncate_ = true, *this; }
    /// Every write goes to the end.
    OpenMode& append() noexcept { return append_ = true, *this; }

    /// The system's flags; the descriptor is always closed on exec.
    [[nodiscard]] int flags() const noexcept;
    [[nodiscard]] int permissions() const noexcept { return permissions_; }
    [[nodiscard]] bool writes() const noexcept { return write_; }
    [[nodiscard]] bool truncates() const noexcept { return truncate_; }
    [[nodiscard]] bool appends() const noexcept { return append_; }

private:
    OpenMode(bool read, bool write) noexcept : read_(read), write_(write) {}
    int permissions_ = 0;
    bool read_, write_, create_ = false, exclusive_ = false, truncate_ = false, append_ = false;
};

/// Opens a file.
class OpenRequest final : public FileRequest {
public:
    void start(Loop& loop, const std::string& path, const OpenMode& mode, Completion& done);
    /// The descriptor, which the caller owns. A result that nobody takes leaks it.
    [[nodiscard]] int file() const noexcept { return static_cast<int>(result()); }
};

/// Closes a descriptor.
class CloseRequest final : public FileRequest {
public:
    /// The null device takes the place of one of the standard descriptors. If this throws, the file is closed
    /// all the same.
    void start(Loop& loop, Descriptor file, Completion& done);
};

/// Where a read or write begins: an offset in bytes, or the file's own position.
inline constexpr std::int64_t file_position = -1;

/// Reads bytes.
class ReadRequest final : public FileRequest {
public:
    /// Reads up to `size` bytes, fewer near the end of the file.
    void start(Loop& loop, int file, std::size_t size, std::int64_t offset, Completion& done);
    /// What was read; empty at the end of the file.
    [[nodiscard]] std::span<const std::byte> data() const noexcept;
    /// The same to keep.
    [[nodiscard]] std::vector<std::byte> take() noexcept;

private:
    std::vector<std::byte> buffer_;
};

/// Writes bytes.
class WriteRequest final : public FileRequest {
public:
    /// May write fewer than all, as the system's call.
    void start(Loop& loop, int file, std::vector<std::byte> data, std::int64_t offset, Completion& done);
    [[nodiscard]] std::size_t written() const noexcept { return static_cast<std::size_t>(result()); }

private:
    std::vector<std::byte> data_;
};

/// Sets the size of an open file.
class TruncateRequest final : public FileRequest {
public:
    void start(Loop& loop, int file, std::int64_t size, Completion& done);
};

/// Waits until the bytes of a file are on its device.
class SyncRequest final : public FileRequest {
public:
    /// With `data_only`, whatever is not needed to read them again (times) may stay behind.
    void start(Loop& loop, int file, bool data_only, Completion& done);
};

/// What kind of thing a path names.
enum class FileType : std::uint8_t {
    unknown,
    regular,
    directory,
    symlink,
    fifo,
    socket,
    character_device,
    block_device
};

/// What the system knows about a file.
class FileStatus {
public:
    using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

    FileStatus() noexcept = default;
    FileStatus(FileType type, std::uint64_t size, int permissions, Time modified, std::uint64_t device,
               std::uint64_t inode) noexcept
        : size_(size),
          device_(device),
          inode_(inode),
          modified_(modified),
          permissions_(permissions),
          type_(type) {}

    [[nodiscard]] FileType type() const noexcept { return type_; }
    [[nodiscard]] bool is_regular() const noexcept { return type_ == FileType::regular; }
    [[nodiscard]] bool is_directory() const noexcept { return type_ == FileType::directory; }
    [[nodiscard]] bool is_symlink() const noexcept { return type_ == FileType::symlink; }
    /// In bytes.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    /// The low twelve bits of the mode.
    [[nodiscard]] int permissions() const noexcept { return permissions_; }
    [[nodiscard]] Time modified() const noexcept { return modified_; }
    [[nodiscard]] std::uint64_t device() const noexcept { return device_; }
    [[nodiscard]] std::uint64_t inode() const noexcept { return inode_; }

private:
    std::uint64_t size_ = 0;
    std::uint64_t device_ = 0;
    std::uint64_t inode_ = 0;
    Time modified_{};
    int permissions_ = 0;
    FileType type_ = FileType::unknown;
};

/// Asks about a file.
class StatRequest final : public FileRequest {
public:
    void start(Loop& loop, const std::string& path, Completion& done);
    /// Of a symbolic link, asks about the link itself.
    void start_for_link(Loop& loop, const std::string& path, Completion& done);
    /// Of an open file.
    void start(Loop& loop, int file, Completion& done);
    [[nodiscard]] FileStatus status() const noexcept;
};

/// One name in a directory.
class DirectoryEntry {
public:
    DirectoryEntry(std::string name, FileType type) : name_(std::move(name)), type_(type) {}
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// `unknown` where the file system does not tell.
    [[nodiscard]] FileType type() const noexcept { return type_; }

private:
    std::string name_;
    FileType type_;
};

/// Lists a directory, without "." and "..", sorted by name.
class ScandirRequest final : public FileRequest {
public:
    void start(Loop& loop, const std::string& path, Completion& done);
    /// The entries; can be taken once.
    [[nodiscard]] std::vector<DirectoryEntry> take();
};

/// Makes a directory.
class MkdirRequest final : public FileRequest {
public:
    void start(Loop& loop, const std::string& path, int permissions, Completion& done);
};

/// Removes a name of a file.
class UnlinkRequest final : public FileRequest {
public:
    void start(Loop& loop, const std::string& path, Completion& done);
};

/// Removes an empty directory.
class RmdirRequest final : public FileRequest {
public:
    void start(Loop& loop, const std::string& path, Completion& done);
};

/// Renames, replacing what has the new name.
class RenameRequest final : public FileRequest {
public:
    void start(Loop& loop, const std::string& from, const std::string& to, Completion& done);
};

} // namespace aio::uv
