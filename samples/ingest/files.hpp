#pragma once

/// Blocking work on the file system, to be done in threads.

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

namespace ingest {

/// Something that could not be read, and why.
struct Problem {
    std::string path;
    std::string reason;
};

/// A file, and its size when it was found.
struct File {
    std::string path;
    std::uint64_t size = 0;
};

/// What there is to read.
struct Listing {
    std::vector<File> files;
    std::vector<Problem> problems;
};

/// All regular files below `root`, or `root` itself if it is one. Symbolic links are followed to files, not
/// to directories. Ends early, with what it has, when `stop` is requested. Throws `std::system_error` if
/// `root` itself is not to be read.
Listing list_files(const std::string& root, const std::stop_token& stop);

/// A file cannot be read; the message says why.
class Unreadable : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Files that lie next to each other in a list: from `begin` to the one before `end`.
struct Range {
    Range(std::size_t first, std::size_t after_last) : begin(first), end(after_last) {}
    [[nodiscard]] std::size_t size() const { return end - begin; }

    std::size_t begin;
    std::size_t end;
};

/// The files from `begin` on that are to be read and parsed together; none at the end of the list.
//
// The way to another process and back costs about as much as to parse a small file, and no more for many of
// them, so a few hundred kilobytes go at a time. It is not more, for all processes should have work, and
// little should have to be done again when one of them dies.
Range batch_at(const std::vector<File>& files, std::size_t begin);

/// Where the files of a range are.
std::vector<std::string> paths_of(const std::vector<File>& files, const Range& range);

/// A part of a file that is not too large to be held in memory, many times over.
struct Piece {
    std::string text;
    bool is_last = true;
    /// The file holds no text. Decided by its first piece, which is empty then.
    bool is_binary = false;
    /// Why the file cannot be read; empty if it can.
    std::string problem;
};

/// The most bytes of a piece.
inline constexpr std::size_t piece_size = std::size_t{1} << 20U;

/// The piece that begins at `offset`. It ends with a line, unless that is longer than a piece. Throws
/// `Unreadable`.
//
// The file is opened anew for each piece: a call in a thread goes on when its task has been cancelled, so it
// must not refer to anything of the task, such as an open file.
Piece read_piece(const std::string& path, std::uint64_t offset);

/// The first piece of each file. Those that do not fit into one piece all together have no text, and are not
/// the last ones: whatever the sizes were when they were found, this does not take more memory.
std::vector<Piece> read_files(const std::vector<std::string>& paths);

} // namespace ingest
