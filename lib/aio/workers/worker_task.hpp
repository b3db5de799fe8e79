#pragma once

/// `worker_task()`: what a call that runs in a worker process knows about itself.
///
///     long count_primes(long n) {
///         for (long i = 0; i < n; ++i) {
///             if (i % 1000 == 0 && aio::worker_task().stop_requested()) break;
///             ...
///
/// A call whose future is cancelled, or whose time is over, is asked to stop before its worker is ended. A
/// function may as well take a `std::stop_token` as its first parameter: `submit(f, arguments...)` then gives
/// it one.

#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <aio/workers/progress.hpp>

namespace aio {
namespace detail {

class ItemSink;

/// The side of a worker that its calls may ask. Thread-safe.
class TaskControl {
public:
    [[nodiscard]] virtual bool stop_requested() noexcept = 0;
    [[nodiscard]] virtual std::stop_token stop_token() = 0;
    [[nodiscard]] virtual unsigned attempt() const noexcept = 0;
    virtual void report_progress(Progress progress) = 0;
    /// Null for a call that emits nothing.
    [[nodiscard]] virtual ItemSink* item_sink() noexcept = 0;

protected:
    TaskControl() = default;
    TaskControl(const TaskControl&) = delete;
    TaskControl& operator=(const TaskControl&) = delete;
    ~TaskControl() = default;
};

/// Says which call runs in this process; null: none.
void set_task_control(TaskControl* control) noexcept;

} // namespace detail

/// The call that this process runs as a worker. Do not keep it beyond the call. Any thread of the call may
/// use it. A process that the call forks is no worker: there, no stop is requested and reports go nowhere.
class WorkerTask {
public:
    explicit WorkerTask(detail::TaskControl* control) noexcept : control_(control) {}

    /// Whether this process is a worker that runs a call. Elsewhere the others give what fits: no stop is
    /// requested.
    [[nodiscard]] explicit operator bool() const noexcept { return control_ != nullptr; }
    /// Whether the call is to stop. Costs a system call and no thread: ask every millisecond or so.
    [[nodiscard]] bool stop_requested() const noexcept {
        return control_ != nullptr && control_->stop_requested();
    }
    /// A token for whoever waits for one: it is told as soon as the call is to stop. The first time, this
    /// starts a thread that does nothing but wait for that, and ends with the call: for as long the process
    /// has two threads. Throws `std::system_error` if it cannot be started.
    [[nodiscard]] std::stop_token stop_token() const {
        return control_ == nullptr ? std::stop_token() : control_->stop_token();
    }
    /// 1 the first time that the call is made, 2 when it is repeated after a crash, and so on; 0 if there is
    /// no call.
    [[nodiscard]] unsigned attempt() const noexcept { return control_ == nullptr ? 0 : control_->attempt(); }
    /// Tells the program how far the call is: `ProcessCallOptions::on_progress` and the pool's statistics
    /// have it while the call runs (see <aio/workers/progress.hpp>). A fraction, or so much of a total, in
    /// any unit. Costs two system calls and never waits; what the program has no time for it does not see,
    /// but for the last report before the call ends. Does nothing where there is no call.
    void report_progress(double done, double total = 1, std::string_view text = {}) const {
        if (control_ != nullptr) control_->report_progress(Progress(done, total, std::string(text)));
    }

private:
    detail::TaskControl* control_;
};

[[nodiscard]] WorkerTask worker_task() noexcept;

} // namespace aio
