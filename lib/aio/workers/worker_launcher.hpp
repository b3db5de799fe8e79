#pragma once

/// Starts worker processes for a pool, and tells how they fare.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include <aio/uv/descriptor.hpp>
#include <aio/workers/call_marks.hpp>
#include <aio/workers/start_method.hpp>
#include <aio/workers/worker_exit.hpp>

namespace aio {
namespace uv {
class Loop;
}

namespace detail {

/// Told on the loop's thread.
class LauncherListener {
public:
    /// The worker asked for as `id` runs, or could not be started: then `error` says why and `pid` is -1.
    virtual void worker_started(std::uint64_t id, int pid, const std::string& error) noexcept = 0;
    virtual void worker_exited(int pid, const WorkerExit& exit) noexcept = 0;
    /// All workers are gone, and no further one can be started through this launcher.
    virtual void launcher_closed(const std::string& reason) noexcept = 0;

protected:
    LauncherListener() = default;
    ~LauncherListener() = default;
};

/// The pool's ends of a worker's pipes.
class WorkerPipes {
public:
    WorkerPipes(uv::Descriptor task_end, uv::Descriptor result_end, uv::Descriptor buffer_end) noexcept
        : tasks(std::move(task_end)), results(std::move(result_end)), buffers(std::move(buffer_end)) {}
    uv::Descriptor tasks;
    uv::Descriptor results;
    /// A socket; see buffer_socket.hpp.
    uv::Descriptor buffers;
    /// The files that take the worker's standard output and error, if they are captured.
    uv::Descriptor output;
    uv::Descriptor errors;
    /// Shared with calls that may be withdrawn by other threads.
    std::shared_ptr<CallMarks> marks;
};

/// What a worker is to be like.
class WorkerRequest {
public:
    /// `id` names it in what the listener is told; `max_payload` limits its frames, in bytes.
    WorkerRequest(std::uint64_t id, std::size_t max_payload) noexcept : id_(id), max_payload_(max_payload) {}

    /// Whether it waits for an INITIALIZE frame before it is ready.
    WorkerRequest& initialize(bool wait) noexcept {
        initialize_ = wait;
        return *this;
    }

    /// Whether its standard output and error go to files.
    WorkerRequest& capture(bool on) noexcept {
        capture_ = on;
        return *this;
    }

    /// Whether it executes this program once more.
    WorkerRequest& spawn(bool on) noexcept {
        spawn_ = on;
        return *this;
    }

    [[nodiscard]] bool spawns() const noexcept { return spawn_; }
    [[nodiscard]] bool captures() const noexcept { return capture_; }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] std::size_t max_payload() const noexcept { return max_payload_; }
    [[nodiscard]] bool initializes() const noexcept { return initialize_; }

private:
    std::uint64_t id_;
    std::size_t max_payload_;
    bool initialize_ = false;
    bool capture_ = false;
    bool spawn_ = false;
};

/// Bound to one loop. All calls and callbacks are on its thread.
class WorkerLauncher {
public:
    /// Throws `std::system_error` when no process can be started, and what `require` throws.
    WorkerLauncher(uv::Loop& loop, LauncherListener& listener, StartMethod method);
    /// No callback comes any more. Workers that still run end when their pipes are closed, or with this
    /// program.
    ~WorkerLauncher();
    WorkerLauncher(const WorkerLauncher&) = delete;
    WorkerLauncher& operator=(const WorkerLauncher&) = delete;

    /// Throws `RuntimeError` if workers cannot be started in that way now.
    static void require(StartMethod method);
    /// Asks for a worker; `worker_started` follows. Throws `std::system_error` when there are no descriptors
    /// left.
    [[nodiscard]] WorkerPipes launch(const WorkerRequest& request);
    /// Ends a worker, and what it has started, at once.
    void kill(int pid);
    /// Asks them to end, by SIGTERM. Those that are stopped go on, as they would not hear of it otherwise.
    void terminate(int pid);
    /// Lets them go on if they are stopped.
    void resume(int pid);

    /// Reads what is left in the pipe of a worker that has ended. `data` gets it in pieces.
    static void drain(int descriptor, const std::function<void(std::span<const std::byte>)>& data);
    /// Takes the text out of one of the files of a worker that captures; only the end of a long one. Empty if
    /// there is no such file.
    [[nodiscard]] static std::string take_text(int descriptor);

private:
    class Impl;
    // Shared with its own callback, from which the listener may do away with the launcher.
    std::shared_ptr<Impl> impl_;
};

} // namespace detail
} // namespace aio
