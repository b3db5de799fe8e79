#include <aio/io/file_contents.hpp>

#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include <aio/core/event_loop.hpp>
#include <aio/io/file.hpp>
#include <aio/io/file_call_private.hpp>
#include <aio/io/file_system.hpp>
#include <aio/io/temporary.hpp>
#include <aio/uv/fs_names.hpp>

namespace aio {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }

/// The permissions of the file that has the name, or that a link of this name leads to.
Coro<std::optional<fs::perms>> permissions_of(fs::path path) {
    std::optional<fs::perms> permissions;
    bool is_link = false;
    try {
        FileStatus status = co_await aio::lstat(path);
        is_link = status.is_symlink();
        if (is_link) status = co_await aio::stat(path);
        if (status.is_regular()) permissions = static_cast<fs::perms>(status.permissions());
    } catch (const std::system_error& e) {
        // A link may lead nowhere.
        if (!is_link && e.code() != std::errc::no_such_file_or_directory) throw;
    }
    co_return permissions;
}

/// How the name of the new file begins: as that of the old one, unless it would be longer than names may be.
fs::path stem_beside(const fs::path& directory, const fs::path& name) {
    fs::path stem = directory / ".";
    stem += name.native().size() <= 100 ? name : fs::path("new");
    stem += ".";
    return stem;
}

/// Brings the renaming to the device, where directories can be opened for that.
Coro<> sync_directory(fs::path directory) {
    try {
        File opened = co_await File::open(directory);
        co_await opened.sync();
    } catch (const std::system_error&) {
        co_return;
    }
}

} // namespace

Coro<std::vector<std::byte>> read_file(fs::path path) {
    File file = co_await File::open(path);
    co_return co_await file.read_all();
}

Coro<std::string> read_text(fs::path path) {
    const std::vector<std::byte> bytes = co_await read_file(std::move(path));
    co_return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Coro<> write_file(fs::path path, std::span<const std::byte> data) {
    OpenMode mode = OpenMode::write();
    mode.create().truncate();
    File file = co_await File::open(path, mode);
    co_await file.write_all(data);
    co_await file.close();
}

Coro<> write_file(fs::path path, std::string_view text) {
    return write_file(std::move(path), bytes_of(text));
}

Coro<> write_file_atomic(fs::path path, std::span<const std::byte> data) {
    const fs::path directory = path.has_parent_path() ? path.parent_path() : fs::path(".");
    const std::optional<fs::perms> permissions = co_await permissions_of(path);
    std::pair<detail::RemovedAtEnd, File> made =
        co_await detail::create_unique_file(stem_beside(directory, path.filename()), false);
    detail::RemovedAtEnd& removal = made.first;
    File& file = made.second;
    if (permissions) co_await aio::chmod(removal.path(), *permissions);
    co_await file.write_all(data);
    co_await file.sync();
    co_await file.close();
    co_await aio::rename(removal.path(), path);
    removal.keep();
    co_await sync_directory(directory);
}

Coro<> write_file_atomic(fs::path path, std::string_view text) {
    return write_file_atomic(std::move(path), bytes_of(text));
}

} // namespace aio
