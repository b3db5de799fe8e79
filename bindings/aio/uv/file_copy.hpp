#pragma once

/// Copies a file.
///
/// Not by libuv where that can be avoided: it removes what has the other name when it cannot be written like
/// a file, be it /dev/null, copies nothing of files whose size the system does not know, as those of /proc,
/// and never ends when a file is shorter than it says, as those of /sys (seen with libuv 1.44.2).

#include <memory>
#include <string>
#include <utility>

#include <aio/uv/descriptor.hpp>

namespace aio::uv {

/// A copy under way, of a regular file with its permissions, as a clone or inside the kernel where the system
/// can do that. It blocks. To be used by one thread at a time, as by `StepRequest`.
class FileCopy {
public:
    /// The paths are in UTF-8. With `exclusive` a file that has the other name already is an error (EEXIST);
    /// otherwise it is replaced.
    FileCopy(std::string from, std::string to, bool exclusive)
        : work_(begin(std::move(from), std::move(to), exclusive)) {}
    FileCopy(const FileCopy&) = delete;
    FileCopy& operator=(const FileCopy&) = delete;
    /// Half a copy is removed.
    ~FileCopy() = default;

    /// Goes on for some megabytes (on other systems than Linux: to the end); false when nothing is left to
    /// do, because all has been copied or for a failure. Half a copy is removed then.
    bool step() noexcept;
    /// Ends it before its time: removes half a copy. What is still to be closed, which takes long for a large
    /// file without a name, is left to the caller; not to be called while a step is taken.
    [[nodiscard]] Descriptor give_up() noexcept;
    /// 0, or the negative libuv error that ended it: EISDIR or ENOTSUP if one of the two is a directory or
    /// another thing that is no regular file; what has the other name stays then.
    [[nodiscard]] int status() const noexcept { return status_; }

private:
    /// How a system does it.
    class Work {
    public:
        Work() = default;
        Work(const Work&) = delete;
        Work& operator=(const Work&) = delete;
        virtual ~Work() = default;
        /// 1 when there is more to do, 0 at the end, or a negative error.
        virtual int advance() noexcept = 0;
        virtual Descriptor give_up() noexcept = 0;
    };
    class SystemWork;
    static std::unique_ptr<Work> begin(std::string from, std::string to, bool exclusive);

    std::unique_ptr<Work> work_;
    int status_ = 0;
};

} // namespace aio::uv
