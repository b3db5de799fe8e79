#pragma once

/// Not installed: the memory behind a child process, and the ways of starting one.

#include <cstdint>
#include <vector>

#include <uv.h>

#include <aio/uv/completion.hpp>
#include <aio/uv/descriptor.hpp>
#include <aio/uv/detail/lingering.hpp>
#include <aio/uv/process.hpp>

namespace aio::uv::detail {

/// Outlives the `Process` until the child has ended: closing the handle earlier would leave a zombie.
struct ProcessBlock final : Lingering {
    ProcessBlock(Loop& owner, Completion& waiting) noexcept;

    /// Closes the handle; the close callback frees the block.
    void close() noexcept;
    /// The child has ended.
    void ended(std::int64_t code, int signum) noexcept;

    /// libuv's own, one that watches a descriptor which stands for the child, or one that tells of an end
    /// that has been.
    union Handle {
        uv_handle_t base;
        uv_process_t process;
        uv_poll_t poll;
        uv_idle_t idle;
    };
    Handle handle{};
    Descriptor pidfd;
    Loop& loop;
    Completion* exited;
    int pid = 0;
    std::int64_t exit_code = 0;
    int term_signal = 0;
    bool has_exited = false;
    bool killed = false;
};

/// A null-terminated array of C strings, for the time of a call.
[[nodiscard]] std::vector<char*> c_strings(const std::vector<std::string>& strings);

/// Starts a child in the best way that this platform has. On a negative result there is none, and `handle` is
/// to be closed nevertheless if it is initialised.
[[nodiscard]] int start_child(ProcessBlock& block, const ProcessOptions& options);

/// Sends a signal to a child that has not ended; 0 or an error of libuv.
[[nodiscard]] int send_signal(ProcessBlock& block, int signum) noexcept;

/// Takes a child that the loop will not see end any more out of the system's table, if it has ended; waits
/// for that if it has been killed.
void reap(ProcessBlock& block) noexcept;

/// Starts a child by means of libuv, which initialises the handle even if it fails.
[[nodiscard]] int spawn_with_libuv(ProcessBlock& block, const ProcessOptions& options,
                                   std::vector<uv_stdio_container_t>& stdio);

/// Whether `spawn_quickly` works on this system.
[[nodiscard]] bool can_spawn_quickly() noexcept;
/// Starts a child without a copy of this process's memory, with these descriptors of ours as its 0, 1, 2, ...
/// (-1: the null device). On a negative result the handle may be uninitialised.
[[nodiscard]] int spawn_quickly(ProcessBlock& block, const ProcessOptions& options,
                                const std::vector<int>& descriptors);

} // namespace aio::uv::detail
