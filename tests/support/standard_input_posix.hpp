#pragma once

/// Something else in the place of standard input, for tests of what adopts that.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/uv/descriptor.hpp>

namespace aio::test {

/// Puts `other` there while it lives.
class StandardInput {
public:
    explicit StandardInput(uv::Descriptor other) : before_(::fcntl(0, F_DUPFD_CLOEXEC, 3)) {
        REQUIRE(::dup2(other.get(), 0) == 0);
    }
    StandardInput(const StandardInput&) = delete;
    StandardInput& operator=(const StandardInput&) = delete;
    ~StandardInput() { ::dup2(before_.get(), 0); }

    /// Gives it to a new owner.
    [[nodiscard]] static uv::Descriptor take() { return uv::Descriptor(0); }
    [[nodiscard]] static bool is_null_device() {
        struct stat input;
        struct stat null;
        REQUIRE(::fstat(0, &input) == 0);
        REQUIRE(::stat("/dev/null", &null) == 0);
        return input.st_rdev == null.st_rdev;
    }

private:
    uv::Descriptor before_;
};

} // namespace aio::test
