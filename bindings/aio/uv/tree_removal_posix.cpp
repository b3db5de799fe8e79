#include <aio/uv/tree_removal.hpp>

#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

namespace aio::uv {
namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;

/// So many levels are open at once. Those above are closed, and found again as the parent of the one below.
constexpr std::size_t most_open = 16;

/// A directory that has been entered.
struct Level {
    OpenDirectory directory;
    /// In the directory above; of the first, the path.
    std::string name;
    dev_t device;
    ino_t inode;
    /// Whether a name in it has gone since it was entered.
    bool has_lost = false;
};

OpenDirectory open_directory(int above, const char* name) noexcept {
    const int file = ::openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) return nullptr;
    OpenDirectory directory(::fdopendir(file));
    if (!directory) {
        const int error = errno;
        ::close(file);
        errno = error;
    }
    return directory;
}

/// What systems say of a link, or of anything else, that is to be opened as a directory without following.
bool is_no_directory(int error) noexcept {
#if defined(EFTYPE)
    if (error == EFTYPE) return true;
#endif
    return error == ENOTDIR || error == ELOOP || error == EMLINK;
}

} // namespace

class TreeRemoval::Levels {
public:
    Levels(TreeRemoval& removal, std::string path) : removal_(removal), path_(std::move(path)) {
        while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
    }

    /// Goes on by one entry; false at the end.
    bool advance() {
        if (levels_.empty()) return begin();
        errno = 0;
        const dirent* const entry = ::readdir(levels_.back().directory.get());
        // Of a directory that has been removed some systems give ENOENT.
        if (entry == nullptr)
            return errno == 0 || errno == ENOENT ? leave() : fail(errno, "read directory", nullptr);
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") return true;
#if defined(DT_DIR) && defined(DT_UNKNOWN)
        const bool may_be_directory = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
#else
        const bool may_be_directory = true;
#endif
        return remove(entry->d_name, may_be_directory);
    }

private:
    bool fail(int error, const char* operation, const char* name) {
        removal_.status_ = uv_translate_sys_error(error);
        removal_.failed_ = operation;
        removal_.failed_ += ' ';
        if (levels_.empty()) removal_.failed_ += path_;
        for (const Level& level : levels_) {
            if (&level != &levels_.front()) removal_.failed_ += '/';
            removal_.failed_ += level.name;
        }
        if (name != nullptr && !levels_.empty()) (removal_.failed_ += '/') += name;
        return false;
    }

    bool begin() {
        const bool goes_on = remove(path_.c_str(), true);
        has_begun_ = true;
        return goes_on && !levels_.empty();
    }

    /// Removes a name in the deepest level, or enters it. True: to be gone on.
    bool remove(const char* name, bool may_be_directory) {
        if (may_be_directory) {
            if (enter(name)) return true;
            if (errno == ENOENT) return missing(name);
            if (!is_no_directory(errno)) return fail(errno, "open directory", name);
        }
        if (::unlinkat(here(), name, 0) == 0) return gone();
        if (errno == ENOENT) return missing(name);
        // A directory has come in the place of something else. (POSIX says EPERM, Linux EISDIR.)
        const int error = errno;
        if (!may_be_directory && (error == EISDIR || error == EPERM) && enter(name)) return true;
        return fail(error, "remove", name);
    }

    /// Enters a directory; false with errno if that cannot be opened.
    bool enter(const char* name) {
        OpenDirectory directory = open_directory(here(), name);
        struct stat status;
        if (!directory || ::fstat(::dirfd(directory.get()), &status) != 0) return false;
        levels_.push_back(Level{std::move(directory), name, status.st_dev, status.st_ino});
        if (levels_.size() > most_open) levels_[levels_.size() - 1 - most_open].directory.reset();
        return true;
    }

    /// The end of the deepest level: removes it from the one above.
    bool leave() {
        if (const int error = open_above()) {
            if ((error != ENOENT && error != ESTALE) || !std::exchange(progress_, false))
                return fail(error, "open the directory above", nullptr);
            // It has been moved to another place. What is left where it was is looked for once more.
            levels_.clear();
            return true;
        }
        const Level left = std::move(levels_.back());
        levels_.pop_back();
        if (::unlinkat(here(), left.name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
            gone();
            return !levels_.empty();
        }
        const int error = errno;
        // While names go some file systems leave out others: it is read again, as long as that helps.
        if ((error == ENOTEMPTY || error == EEXIST) && left.has_lost && enter(left.name.c_str())) return true;
        return fail(error, "remove directory", left.name.c_str());
    }

    /// Sees to it that the level above the deepest is open. Gives an error number: ESTALE if it is not where
    /// it was.
    int open_above() {
        if (levels_.size() < 2) return 0;
        Level& above = levels_[levels_.size() - 2];
        if (above.directory) return 0;
        OpenDirectory directory = open_directory(::dirfd(levels_.back().directory.get()), "..");
        struct stat status;
        if (!directory || ::fstat(::dirfd(directory.get()), &status) != 0) return errno;
        if (status.st_dev != above.device || status.st_ino != above.inode) return ESTALE;
        above.directory = std::move(directory);
        return 0;
    }

    /// What the names of the deepest level are relative to.
    [[nodiscard]] int here() const noexcept {
        return levels_.empty() ? AT_FDCWD : ::dirfd(levels_.back().directory.get());
    }

    bool gone() noexcept {
        progress_ = true;
        if (!levels_.empty()) levels_.back().has_lost = true;
        return true;
    }

    /// A name is not there (any more), which is an error only of the first, at first.
    bool missing(const char* name) {
        if (levels_.empty() && !has_begun_) return fail(ENOENT, "remove", name);
        return gone();
    }

    TreeRemoval& removal_;
    std::string path_;
    std::vector<Level> levels_;
    bool has_begun_ = false;
    /// Whether anything has gone since it was begun, or begun again.
    bool progress_ = false;
};

TreeRemoval::TreeRemoval(std::string path)
    : levels_(new Levels(*this, std::move(path)), [](Levels* levels) noexcept { delete levels; }) {}

bool TreeRemoval::advance() { return levels_->advance(); }

} // namespace aio::uv
