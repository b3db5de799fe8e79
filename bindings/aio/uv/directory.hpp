#pragma once

/// An open directory, which is read some entries at a time: a listing of a million names needs little memory.

#include <utility>
#include <vector>

#include <aio/uv/fs.hpp>

namespace aio::uv {

/// Owns an open directory; move-only. It must not be destroyed while a request reads it, nor before that
/// request.
class Directory {
public:
    Directory() noexcept = default;
    Directory(Directory&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    Directory& operator=(Directory&& other) noexcept {
        Directory taken(std::move(other));
        std::swap(block_, taken.block_);
        return *this;
    }
    /// Closes it at once, which does not wait for any device.
    ~Directory();

private:
    friend class OpenDirectoryRequest;
    friend class ReadDirectoryRequest;
    /// The directory and the entries that libuv reads from it.
    struct Block;
    explicit Directory(Block* block) noexcept : block_(block) {}
    Block* block_ = nullptr;
};

/// Opens a directory.
class OpenDirectoryRequest final : public FileRequest {
public:
    void start(Loop& loop, const std::string& path, Completion& done);
    /// The directory, once, after a start that succeeded. One that nobody takes leaks it. Throws
    /// `std::bad_alloc`.
    [[nodiscard]] Directory take();
};

/// Reads the next entries of a directory.
class ReadDirectoryRequest final : public FileRequest {
public:
    /// At most 64 entries, in no particular order, without "." and "..".
    void start(Loop& loop, const Directory& directory, Completion& done);
    /// What was read; none at the end of the directory.
    [[nodiscard]] std::vector<DirectoryEntry> entries() const;
};

} // namespace aio::uv
