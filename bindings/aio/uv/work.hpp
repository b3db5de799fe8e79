#pragma once

/// libuv's work queue: a function run on one of its threads, and a completion back on the loop.

#include <aio/uv/completion.hpp>

namespace aio::uv {

class Loop;

/// One job for libuv's work queue. The object owns the request and everything the job touches: keep it alive
/// until `done` has been called, whatever becomes of those who wanted its result.
class Work {
public:
    /// Runs on a thread of the queue. Must not throw.
    using Job = void (*)(Work& self) noexcept;
    /// Runs once on the loop's thread: status 0 after the job, ECANCELED when `cancel` kept it from running.
    /// May destroy the object.
    using Done = void (*)(Work& self, int status) noexcept;

    Work(Job job, Done done) noexcept : job_(job), done_(done) {}
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    /// Queues the job. On the loop's thread only. Throws `std::system_error` if the loop refuses.
    void start(Loop& loop);
    /// Takes a job that has not started out of the queue: true, and `done` comes with ECANCELED. False when
    /// it is running or has run.
    bool cancel() noexcept;

protected:
    ~Work() = default;

private:
    friend struct WorkAccess;
    Job job_;
    Done done_;
    // Room for a uv_work_t; work.cpp asserts that it is enough.
    alignas(void*) unsigned char request_[256];
};

} // namespace aio::uv
