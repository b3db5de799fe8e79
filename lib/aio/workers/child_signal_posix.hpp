#pragma once
// SIGCHLD as something to poll for.

#include <aio/uv/descriptor.hpp>

namespace aio::detail {

/// Becomes readable when a child process has ended. For a process with one thread, all signals blocked and
/// default handlers; at most one may exist. A signalfd where the system has it, else a pipe that a handler
/// writes to.
class ChildSignal {
public:
    /// Throws std::system_error.
    ChildSignal();

    [[nodiscard]] int descriptor() const noexcept { return readable_.get(); }

    /// Makes the descriptor unreadable again; to be called before looking for ended children.
    void clear() noexcept;

private:
    uv::Descriptor readable_;
    uv::Descriptor writable_;
};

} // namespace aio::detail
