#pragma once
// What runs in a worker process: one thread, no event loop, one task after another.
//
// The worker says HELLO, makes the call of the INITIALIZE frame if one was announced, says READY, then reads
// TASK frames from one pipe and answers each on the other, with RESULT or with ERROR for whatever the task
// threw, be it SystemExit or an int: no exception ends a worker. A copy of it that a task has forked ends
// when the task returns there. It leaves with _exit, after flushing the standard streams, when it is told
// GOODBYE or its pipe ends. It runs none of the program's atexit functions and static destructors: those
// belong to the process it is a copy of.

#include <cstddef>
#include <cstdint>
#include <utility>

#include <aio/uv/descriptor.hpp>

namespace aio::detail {

/// What a worker is given.
class WorkerSetup {
public:
    WorkerSetup(std::uint64_t worker_number, uv::Descriptor task_pipe, uv::Descriptor result_pipe,
                int parent_pid, std::size_t payload_limit, int libraries_up_to) noexcept
        : number(worker_number),
          tasks(std::move(task_pipe)),
          results(std::move(result_pipe)),
          parent(parent_pid),
          max_payload(payload_limit),
          last_inherited(libraries_up_to) {}

    std::uint64_t number;          ///< which the pool has given it
    uv::Descriptor tasks;          ///< read end, blocking
    uv::Descriptor results;        ///< write end, blocking
    int parent;                    ///< the process that forked the worker: they die together
    std::size_t max_payload;       ///< in bytes, of a frame in either direction
    int last_inherited;            ///< descriptors above 2 up to this number belong to libraries (see
                                   ///< `occupy_inherited`)
    uv::Descriptor buffers;        ///< socket for shared memory, if there is one
    uv::Descriptor output;         ///< becomes standard output, if there is one
    uv::Descriptor errors;         ///< becomes standard error, if there is one
    uv::Descriptor marks;          ///< the memory of its CallMarks, if there is one
    bool inherits_nothing = false; ///< a fresh program: whatever is open belongs to it
    bool initializes = false;      ///< an INITIALIZE frame comes before it is ready
};

/// Exit code of a worker whose pool sent something that is no frame.
inline constexpr int worker_exit_protocol_error = 120;

/// Exit code of a worker that could no longer read tasks or send results: the pool is gone, or a task closed
/// the pipes.
inline constexpr int worker_exit_broken_pipe = 121;

/// Exit code of a worker whose initializer threw, which it has reported.
inline constexpr int worker_exit_initializer_failed = 122;

/// Turns the forked process into a worker and serves until the end. To be called with all signals blocked, in
/// a process with one thread.
[[noreturn]] void run_worker(WorkerSetup setup) noexcept;

} // namespace aio::detail
