#pragma once
// ZygoteClient: asks a zygote for workers and hears how they fare. Tied to no event loop: watch
// `descriptor()` for being readable and call `read_events` then; watch it for being writable while
// `has_queued()` and call `flush` then. Nothing here blocks, except the destructor for an instant.
//
//     uv::PipeEnds tasks = uv::make_pipe();
//     uv::PipeEnds results = uv::make_pipe();
//     client.request_worker(1, std::move(tasks.read), std::move(results.write));
//     // later, out of read_events(): WorkerStarted{1, pid}, ..., WorkerExited{pid, status}
//
// The worker's side of the pipes is in <aio/workers/frame.hpp>.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <aio/workers/control_socket_posix.hpp>
#include <aio/workers/frame.hpp>
#include <aio/workers/worker_launcher.hpp>
#include <aio/workers/zygote_process_posix.hpp>

namespace aio {

/// The zygote is up and serves. Requests made earlier are not lost.
struct ZygoteReady {
    int pid = -1;
};

/// The answer to `request_worker`.
struct WorkerStarted {
    std::uint64_t request_id = 0;
    int pid = -1;  ///< -1 when it could not be started
    int error = 0; ///< errno then, else 0
    /// For `send_signal`, and readable once the worker has ended; none on systems without.
    uv::Descriptor pidfd;
};

/// A worker has ended, by itself or by a signal. Follows its WorkerStarted. Results it has written before are
/// still in the pipe.
struct WorkerExited {
    int pid = -1;
    int status = 0; ///< as from waitpid: WIFEXITED, WTERMSIG and so on
    std::chrono::microseconds user_time{};
    std::chrono::microseconds system_time{};
    std::uint64_t max_resident_bytes = 0;
};

/// The zygote is gone and all its workers with it. The last event; no WorkerExited follows for those that
/// were running.
struct ZygoteClosed {
    std::string reason; ///< for people
};

namespace detail {

/// What a worker that is asked for gets.
class WorkerEnds {
public:
    WorkerEnds(uv::Descriptor task_read_end, uv::Descriptor result_write_end) noexcept
        : tasks(std::move(task_read_end)), results(std::move(result_write_end)) {}

    uv::Descriptor tasks;
    uv::Descriptor results;
    uv::Descriptor buffers; ///< a socket by which it gets and sends shared memory, or none
    uv::Descriptor output;  ///< files for its standard output and error; both or none
    uv::Descriptor errors;
    uv::Descriptor marks; ///< the memory of its CallMarks, or none
};

} // namespace detail

using ZygoteEvent = std::variant<ZygoteReady, WorkerStarted, WorkerExited, ZygoteClosed>;

/// Our end of the conversation with one zygote, which it owns: destroying the client ends the zygote and
/// kills all its workers at once. Not thread-safe.
class ZygoteClient {
public:
    /// Throws std::system_error.
    explicit ZygoteClient(ZygoteProcess process);

    /// For polling only. Close-on-exec and non-blocking.
    [[nodiscard]] int descriptor() const noexcept { return control_.descriptor(); }

    /// The zygote itself.
    [[nodiscard]] int pid() const noexcept { return process_.pid(); }

    /// Asks for a worker that reads frames from `task_read_end` and writes to `result_write_end`, both
    /// blocking; they are closed here once sent. `request_id` is the caller's choice. `max_payload` limits
    /// frames in both directions, in bytes: a larger result becomes an error, a larger task ends the worker.
    /// Throws ValueError when it is below `smallest_max_payload`.
    void request_worker(std::uint64_t request_id, uv::Descriptor task_read_end,
                        uv::Descriptor result_write_end, std::size_t max_payload = default_max_payload);
    /// The same, for a worker with more wishes.
    void request_worker(const detail::WorkerRequest& request, detail::WorkerEnds ends);

    /// Sends `signal` to the process group of a worker: to it and to what it has started. Nothing happens if
    /// the worker has ended; its number cannot have been reused, because the zygote is the one to release it.
    void request_signal(int pid, int signal);

    /// What has happened since the last call, in order. Empty when nothing has. After ZygoteClosed always
    /// empty.
    [[nodiscard]] std::vector<ZygoteEvent> read_events();

    /// True while requests wait for the socket to become writable.
    [[nodiscard]] bool has_queued() const noexcept { return control_.has_queued(); }
    void flush() { control_.flush(); }

private:
    void add_event(detail::ControlMessage& message, std::vector<ZygoteEvent>& events);
    std::string closing_reason();

    ZygoteProcess process_; // before the socket: that is closed first, which lets the zygote end
    detail::ControlSocket control_;
    std::string refusal_;
    bool closed_ = false;
};

} // namespace aio
