#pragma once

/// `File`: an open file, read and written without blocking the loop.
///
///     aio::File file = co_await aio::File::open("notes.txt", aio::OpenMode::read_write().create());
///     co_await file.write_all(std::as_bytes(std::span(text)));
///     file.seek(0);
///     std::vector<std::byte> all = co_await file.read_all();
///
/// There is no readiness of files that a loop could wait for, so operations run in threads of libuv's work
/// queue: some ten microseconds for each. On Linux a read first takes what is in the page cache already,
/// which needs no thread and no waiting. To read or write whole files see `read_file` and `write_file`.
///
/// A file belongs to the loop it was opened in. Operations at an offset may run side by side; those that use
/// the file's position may not, and throw `RuntimeError`. Errors are `std::system_error` and name the file.

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/coro.hpp>
#include <aio/core/errors.hpp>
#include <aio/core/ref.hpp>
#include <aio/io/file_operation.hpp>
#include <aio/io/open_file.hpp>
#include <aio/uv/descriptor.hpp>
#include <aio/uv/fs.hpp>

namespace aio {

class EventLoop;
/// How to open: `OpenMode::read()`, `write()` or `read_write()`, then `.create()`, `.exclusive()`,
/// `.truncate()`, `.append()`.
using OpenMode = uv::OpenMode;
/// What `stat` tells: type, size, permissions, time, identity.
using FileStatus = uv::FileStatus;
using FileType = uv::FileType;

namespace detail {

/// Waits for bytes of a file, or has them at once.
class FileReadAwaiter final : public FileSuspension {
public:
    FileReadAwaiter(Ref<OpenFile> file, std::span<std::byte> memory, std::optional<std::uint64_t> offset)
        : FileSuspension(nullptr), file_(std::move(file)), memory_(memory), offset_(offset) {}
    [[nodiscard]] bool await_ready();
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        if (count_)
            yield();
        else
            start();
    }
    std::size_t await_resume();

private:
    void make_job();

    Ref<OpenFile> file_;
    std::span<std::byte> memory_;
    std::optional<std::uint64_t> offset_;
    /// Where it reads.
    std::uint64_t at_ = 0;
    OpenFile::PositionUse use_;
    /// What has been read without a thread.
    std::optional<std::size_t> count_;
};

/// What `read_some` returns, until it is awaited.
class FileReadOperation {
public:
    FileReadOperation(Ref<OpenFile> file, std::span<std::byte> memory, std::optional<std::uint64_t> offset)
        : file_(std::move(file)), memory_(memory), offset_(offset) {}
    FileReadAwaiter operator co_await() const { return FileReadAwaiter(file_, memory_, offset_); }

private:
    Ref<OpenFile> file_;
    std::span<std::byte> memory_;
    std::optional<std::uint64_t> offset_;
};

} // namespace detail

/// An open file; move-only. Destroying it closes it in the background, once operations on it have ended; an
/// error of that goes nowhere, so `close` what has been written.
class File {
public:
    /// Opens a file, in the loop of the task that awaits it. Cancelled: nothing stays open. Throws
    /// `ValueError` for a path with a null character, and if what is only read is to be truncated.
    [[nodiscard]] static FileOperation<File> open(const std::filesystem::path& path,
                                                  const OpenMode& mode = OpenMode::read());
    /// Adopts an open file, at its present position, which is shared as by `descriptor`. `name` is for
    /// messages; with `append` all writes go to the end.
    File(EventLoop& loop, uv::Descriptor descriptor, std::string name, bool append = false);
    /// What `open` makes; not for users.
    explicit File(detail::Ref<detail::OpenFile> state) noexcept : state_(std::move(state)) {}
    File(File&&) noexcept = default;
    File& operator=(File&&) noexcept = default;

    /// Reads at most `memory.size()` bytes at the file's position and moves that on; gives how many, 0 only
    /// at the end (or for no memory). May read fewer than are there. Cancelled: the position has not moved,
    /// so nothing is lost (of a pipe, which has no position, bytes that were read already are). The memory
    /// must stay until the await has ended. Reading and writing beyond 2^63 bytes is a `ValueError`.
    [[nodiscard]] detail::FileReadOperation read_some(std::span<std::byte> memory) {
        return detail::FileReadOperation(state(), memory, std::nullopt);
    }
    /// The same at an offset in bytes, which leaves the position alone.
    [[nodiscard]] detail::FileReadOperation read_at(std::span<std::byte> memory, std::uint64_t offset) {
        return detail::FileReadOperation(state(), memory, offset);
    }
    /// Reads from the position to the end. Cancelled: what had been read is lost, and the position is behind
    /// it.
    [[nodiscard]] Coro<std::vector<std::byte>> read_all();

    /// Writes all bytes at the position (with `OpenMode::append`, at the end) and moves that behind them. The
    /// bytes are copied piece by piece, so they must stay until the await has ended, but not if its task is
    /// gone. Cancelled or failed: the position says how much has been written.
    [[nodiscard]] Coro<> write_all(std::span<const std::byte> data);
    /// The same at an offset in bytes, which leaves the position alone.
    [[nodiscard]] Coro<> write_at(std::span<const std::byte> data, std::uint64_t offset);

    /// Where the next read or write begins, in bytes. Does not wait. Throws `ValueError` for a file without
    /// positions (a pipe) and from 2^63 on, `RuntimeError` while another task uses the position. To the end:
    /// `file.seek(co_await file.size())`.
    void seek(std::uint64_t position);
    [[nodiscard]] std::uint64_t tell() const { return state()->position(); }

    [[nodiscard]] FileOperation<FileStatus> status();
    /// In bytes.
    [[nodiscard]] FileOperation<std::uint64_t> size();
    /// Cuts the file, or lengthens it with zeros.
    [[nodiscard]] FileOperation<void> truncate(std::uint64_t size);
    /// Waits until all that was written is on the device; `sync_data` without what is not needed to read it.
    [[nodiscard]] FileOperation<void> sync();
    [[nodiscard]] FileOperation<void> sync_data();

    /// Closes the file and tells of errors of earlier writes that the system has found only now (on network
    /// file systems). The file is closed whatever this throws, and also if it is cancelled. Throws
    /// `RuntimeError` while another task uses the file. Does nothing when it is closed already.
    [[nodiscard]] Coro<> close();
    [[nodiscard]] bool is_open() const noexcept { return state_ && state_->is_open(); }
    /// The system's descriptor, which stays the file's, to be given to others. From the first call on the
    /// position is the one that the system keeps, which a child process that has the descriptor shares: what
    /// the file has written, the child writes, and the file writes afterwards comes in this order. Reads and
    /// writes at the position ask the system for it then (a fraction of a microsecond).
    [[nodiscard]] int descriptor() const;
    /// The path it was opened by, also when it is closed.
    [[nodiscard]] const std::string& name() const { return (state_ ? state_ : state())->name(); }

private:
    /// Throws `std::system_error` (bad_file_descriptor) when closed or moved from.
    [[nodiscard]] const detail::Ref<detail::OpenFile>& state() const;

    detail::Ref<detail::OpenFile> state_;
};

} // namespace aio
