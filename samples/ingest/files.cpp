#include "files.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

namespace ingest {
namespace {

namespace fs = std::filesystem;

/// A file with a NUL byte among its first bytes is taken for binary, as grep and git do.
constexpr std::size_t looked_at = 8192;

/// How much is read and parsed together.
constexpr std::uint64_t batch_size = std::uint64_t{256} << 10U;
/// What a file takes besides its text.
constexpr std::uint64_t file_overhead = 1024;

void list_directory(const fs::path& directory, Listing& listing, std::vector<fs::path>& subdirectories) {
    std::error_code error;
    fs::directory_iterator entry(directory, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
        std::error_code unknown;
        const fs::file_status status = entry->status(unknown);
        if (!fs::status_known(status) || !fs::exists(status)) {
            const std::string reason =
                entry->is_symlink(unknown) ? "the symbolic link leads nowhere" : "it is gone";
            listing.problems.push_back(Problem{entry->path().string(), reason});
        } else if (fs::is_directory(status)) {
            if (!entry->is_symlink(unknown)) subdirectories.push_back(entry->path());
        } else if (fs::is_regular_file(status)) {
            const std::uintmax_t size = entry->file_size(unknown);
            listing.files.push_back(File{entry->path().string(), unknown ? 0 : size});
        }
    }
    if (error) listing.problems.push_back(Problem{directory.string(), error.message()});
}

[[noreturn]] void throw_unreadable() { throw Unreadable(std::generic_category().message(errno)); }

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

/// At most `most` bytes, and no more than a piece.
Piece read_at(const std::string& path, std::uint64_t offset, std::size_t most) {
    const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
    if (!file) throw_unreadable();
    std::setvbuf(file.get(), nullptr, _IONBF, 0);
    if (offset != 0 && std::fseek(file.get(), static_cast<long>(offset), SEEK_SET) != 0) throw_unreadable();

    // Of the thread: most files are much smaller, and the memory for a whole piece costs more than to read
    // them.
    thread_local std::string buffer(piece_size, '\0');
    const std::size_t size = std::fread(buffer.data(), 1, most, file.get());
    if (std::ferror(file.get()) != 0) throw_unreadable();

    std::string_view text(buffer.data(), size);
    Piece piece;
    piece.is_last = size < most;
    if (offset == 0 && text.substr(0, looked_at).find('\0') != std::string_view::npos) {
        piece.is_binary = true;
        return piece;
    }
    if (const std::size_t line_end = text.rfind('\n'); !piece.is_last && line_end != std::string_view::npos)
        text = text.substr(0, line_end + 1);
    piece.text = text;
    return piece;
}

} // namespace

Listing list_files(const std::string& root, const std::stop_token& stop) {
    Listing listing;
    const fs::file_status status = fs::status(root);
    if (!fs::exists(status))
        throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory));
    if (!fs::is_directory(status)) {
        std::error_code unknown;
        const std::uintmax_t size = fs::file_size(root, unknown);
        listing.files.push_back(File{root, unknown ? 0 : size});
        return listing;
    }
    static_cast<void>(fs::directory_iterator(root)); // throws if it may not be read
    std::vector<fs::path> directories{root};
    while (!directories.empty() && !stop.stop_requested()) {
        const fs::path directory = std::move(directories.back());
        directories.pop_back();
        list_directory(directory, listing, directories);
    }
    return listing;
}

Range batch_at(const std::vector<File>& files, std::size_t begin) {
    Range batch(begin, begin);
    std::uint64_t size = 0;
    while (batch.end < files.size()) {
        size += files[batch.end].size + file_overhead;
        if (size > batch_size && batch.size() > 0) break;
        ++batch.end;
    }
    return batch;
}

std::vector<std::string> paths_of(const std::vector<File>& files, const Range& range) {
    std::vector<std::string> paths;
    for (std::size_t i = range.begin; i < range.end; ++i) paths.push_back(files[i].path);
    return paths;
}

Piece read_piece(const std::string& path, std::uint64_t offset) { return read_at(path, offset, piece_size); }

std::vector<Piece> read_files(const std::vector<std::string>& paths) {
    std::vector<Piece> pieces;
    std::size_t room = piece_size;
    for (const std::string& path : paths) {
        Piece piece;
        try {
            piece = read_at(path, 0, room);
        } catch (const Unreadable& error) {
            piece.problem = error.what();
        }
        if (!piece.is_last) piece.text.clear();
        room -= piece.text.size();
        pieces.push_back(std::move(piece));
    }
    return pieces;
}

} // namespace ingest
