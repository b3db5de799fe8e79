#pragma once

/// Operations on names in a file system rather than on open files: links, permissions.
///
/// They work as those of <aio/uv/fs.hpp>.

#include <string>

#include <aio/uv/fs.hpp>

namespace aio::uv {

/// Gives a file a second name.
class LinkRequest final : public FileRequest {
public:
    void start(Loop& loop, const std::string& target, const std::string& name, Completion& done);
};

/// Makes a symbolic link.
class SymlinkRequest final : public FileRequest {
public:
    /// `to_directory` matters on Windows alone.
    void start(Loop& loop, const std::string& target, const std::string& name, bool to_directory,
               Completion& done);
};

/// Asks where a symbolic link points, or what a path is without links in it.
class ReadlinkRequest final : public FileRequest {
public:
    void start(Loop& loop, const std::string& path, Completion& done);
    void start_for_real_path(Loop& loop, const std::string& path, Completion& done);
    /// Valid until the request is started again or destroyed.
    [[nodiscard]] std::string path() const;
};

/// Sets permissions.
class ChmodRequest final : public FileRequest {
public:
    void start(Loop& loop, const std::string& path, int permissions, Completion& done);
    void start(Loop& loop, int file, int permissions, Completion& done);
};

/// Makes a directory with a name that did not exist.
class MkdtempRequest final : public FileRequest {
public:
    /// Adds six characters to `prefix`, which may begin with the path of a directory.
    void start(Loop& loop, const std::string& prefix, Completion& done);
    [[nodiscard]] std::string path() const;
};

} // namespace aio::uv
