#pragma once
// ZygoteProcess: owns a running zygote. How to start one: <aio/workers/zygote_posix.hpp>; how to talk to it:
// ZygoteClient.

#include <optional>
#include <utility>

#include <aio/uv/descriptor.hpp>

namespace aio {

/// A child process that is a zygote, and our end of its socket. Destroying it ends the zygote and all
/// workers: the socket is closed, and a zygote that has not left within a second (because it was stopped) is
/// killed. That wait is the only blocking thing here and normally takes well under a millisecond.
class ZygoteProcess {
public:
    ZygoteProcess(int pid, uv::Descriptor control) noexcept;
    ZygoteProcess(ZygoteProcess&& other) noexcept;
    ZygoteProcess& operator=(ZygoteProcess&& other) noexcept;
    ~ZygoteProcess();

    [[nodiscard]] int pid() const noexcept { return pid_; }

    /// Hands out our end of the socket; whoever closes it ends the zygote.
    [[nodiscard]] uv::Descriptor take_control() noexcept { return std::move(control_); }

    /// The wait status of the zygote if it has ended, without waiting. Nothing while it runs, and when
    /// somebody else in this program has collected the status.
    [[nodiscard]] std::optional<int> exit_status() noexcept;

private:
    void stop() noexcept;

    int pid_ = -1;
    int owner_ = -1; ///< a forked copy of the owner must not end the zygote
    uv::Descriptor control_;
    bool reaped_ = false;
    std::optional<int> status_;
};

} // namespace aio
