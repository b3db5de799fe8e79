#pragma once

/// A process that can open nothing more.

#include <sys/resource.h>

namespace aio::test {

/// So few descriptors that nothing can be opened, while it lives.
class NoDescriptors {
public:
    /// All numbers below `limit` are in use.
    explicit NoDescriptors(rlim_t limit = 0) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit none = before_;
        none.rlim_cur = limit;
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

private:
    rlimit before_{};
};

} // namespace aio::test
