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

/// What there is to read.
struct Listing {
    std::vector<std::string> files;
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

/// A part of a file that is not too large to be held in memory, many times over.
struct Piece {
    std::string text;
    bool is_last = true;
    /// The file holds no text. Decided by its first piece, which is empty then.
    bool is_binary = false;
};

/// The most bytes of a piece.
inline constexpr std::size_t piece_size = std::size_t{1} << 20U;

/// The piece that begins at `offset`. It ends with a line, unless that is longer than a piece. Throws
/// `Unreadable`.
//
// The file is opened anew for each piece: a call in a thread goes on when its task has been cancelled, so it
// must not refer to anything of the task, such as an open file.
Piece read_piece(const std::string& path, std::uint64_t offset);

} // namespace ingest
