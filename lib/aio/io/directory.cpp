#include <aio/io/directory.hpp>

#include <cstdint>
#include <exception>
#include <set>
#include <system_error>

#include <aio/io/file_call_private.hpp>
#include <aio/io/file_system.hpp>

namespace aio {
namespace detail {
namespace {

FileOperation<Ref<OpenDirectory>> open_directory(const std::filesystem::path& path) {
    std::string text = path_text(path);
    std::string title = "open directory " + text;
    auto start = [text = std::move(text)](uv::OpenDirectoryRequest& request, uv::Loop& loop,
                                          uv::Completion& done) { request.start(loop, text, done); };
    auto finish = [](uv::OpenDirectoryRequest& request) {
        return Ref<OpenDirectory>(new OpenDirectory(request.take()));
    };
    return file_operation<uv::OpenDirectoryRequest>(std::move(title), std::move(start), finish);
}

FileOperation<std::vector<uv::DirectoryEntry>> read_directory(const Ref<OpenDirectory>& directory,
                                                              const std::filesystem::path& path) {
    auto start = [directory](uv::ReadDirectoryRequest& request, uv::Loop& loop, uv::Completion& done) {
        request.start(loop, directory->directory, done);
    };
    auto finish = [](uv::ReadDirectoryRequest& request) { return request.entries(); };
    // The request needs the directory to its end, so it is not taken out of the queue.
    return file_operation<uv::ReadDirectoryRequest>("read directory " + path_text(path), std::move(start),
                                                    finish, false);
}

} // namespace

Coro<std::vector<DirectoryEntry>> DirectoryReader::read_entries() {
    if (!open_) open_ = co_await open_directory(path_);
    const std::vector<uv::DirectoryEntry> read = co_await read_directory(open_, path_);
    std::vector<DirectoryEntry> entries;
    entries.reserve(read.size());
    for (const uv::DirectoryEntry& entry : read) {
        std::filesystem::path path = path_ / path_of(entry.name());
        FileType type = entry.type();
        if (type == FileType::unknown) {
            // Some file systems do not say; and what is gone by now is unknown for good.
            try {
                const FileStatus status = co_await aio::lstat(path);
                type = status.type();
            } catch (const std::system_error&) {
                type = FileType::unknown;
            }
        }
        entries.emplace_back(std::move(path), type, depth_);
    }
    co_return entries;
}

std::filesystem::path path_of(const std::string& text) { return {std::u8string(text.begin(), text.end())}; }

} // namespace detail

AsyncGenerator<DirectoryEntry> scandir(std::filesystem::path path) {
    detail::DirectoryReader reader(std::move(path));
    for (;;) {
        std::vector<DirectoryEntry> entries = co_await reader.read_entries();
        if (entries.empty()) co_return;
        for (DirectoryEntry& entry : entries) co_yield std::move(entry);
    }
}

namespace {

/// Where a walk still has to go.
class Pending {
public:
    Pending(std::filesystem::path p, int d, bool link) : path(std::move(p)), depth(d), is_link(link) {}
    std::filesystem::path path;
    int depth;
    bool is_link;
};

/// Whether it is a link's fault that it cannot be examined.
bool points_nowhere(const std::error_code& error) noexcept {
    return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory ||
           error == std::errc::too_many_symbolic_link_levels;
}

/// Remembers the directories that a walk has entered, when links could lead there again.
class Visited {
public:
    bool first_visit(const FileStatus& status) {
        return seen_.emplace(status.device(), status.inode()).second;
    }

private:
    std::set<std::pair<std::uint64_t, std::uint64_t>> seen_;
};

} // namespace

AsyncGenerator<DirectoryEntry> walk(std::filesystem::path path, WalkOptions options) {
    std::vector<Pending> pending;
    pending.emplace_back(std::move(path), 0, false);
    Visited visited;
    while (!pending.empty()) {
        Pending current = std::move(pending.back());
        pending.pop_back();
        if (options.follow_symlinks()) {
            bool enter = false;
            try {
                const FileStatus status = co_await aio::stat(current.path);
                enter = status.is_directory() && visited.first_visit(status);
            } catch (const std::system_error& e) {
                const bool no_directory = current.is_link && points_nowhere(e.code());
                if (current.depth > 0 && !no_directory && !options.skip_errors()) throw;
            }
            // What is wrong with what this walk begins with, opening says.
            if (!enter && current.depth > 0) continue;
        }
        const std::size_t first = pending.size();
        detail::DirectoryReader reader(current.path, current.depth);
        for (;;) {
            std::vector<DirectoryEntry> entries;
            try {
                entries = co_await reader.read_entries();
            } catch (const std::system_error&) {
                if (!options.skip_errors()) throw;
            }
            if (entries.empty()) break;
            for (DirectoryEntry& entry : entries) {
                const bool may_enter =
                    entry.is_directory() || (entry.is_symlink() && options.follow_symlinks());
                if (may_enter && current.depth < options.max_depth())
                    pending.emplace_back(entry.path(), current.depth + 1, entry.is_symlink());
                co_yield std::move(entry);
            }
        }
        // The last one pushed comes next; they are to come in the order in which they were seen.
        for (std::size_t i = first, j = pending.size(); i + 1 < j; ++i) std::swap(pending[i], pending[--j]);
    }
}

} // namespace aio
