#pragma once

/// What a worker thread of a special pool has for itself: an interpreter, a state.

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace aio::detail {

/// Made, used and destroyed on its own thread.
class WorkerResource {
public:
    WorkerResource() = default;
    WorkerResource(const WorkerResource&) = delete;
    WorkerResource& operator=(const WorkerResource&) = delete;
    virtual ~WorkerResource() = default;
    /// After a call: whether the next one needs a new resource.
    [[nodiscard]] virtual bool spent() const noexcept { return false; }
};

/// The resource of this thread, or null if it is no worker or has none just now.
[[nodiscard]] WorkerResource* worker_resource() noexcept;

/// What makes a pool of threads a pool of something else.
class WorkerKind {
public:
    /// Makes the error for calls to a pool whose workers cannot be prepared.
    using BrokenError = std::exception_ptr (*)(const std::string& reason);
    using Factory = std::function<std::unique_ptr<WorkerResource>()>;

    WorkerKind(std::string pool_name, BrokenError broken_error)
        : name(std::move(pool_name)), broken(broken_error) {}

    /// Of the class, for the names of pools that were not given one.
    std::string name;
    BrokenError broken;
    /// Called on each new thread after its initializer; what it throws makes the pool broken. May be empty.
    Factory make_resource;
    /// After so many calls a thread makes its resource anew; 0 is never.
    std::size_t max_tasks_per_worker = 0;
};

} // namespace aio::detail
