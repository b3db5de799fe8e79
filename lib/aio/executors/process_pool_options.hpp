#pragma once

/// `ProcessPoolOptions`: how a `ProcessPoolExecutor` starts its workers, and when it ends them.
///
///     aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions()
///                                       .max_workers(4)
///                                       .idle_timeout(10s)
///                                       .initializer(open_database, path)
///                                       .max_tasks_per_child(1000, 100));

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <aio/core/clock.hpp>
#include <aio/workers/byte_writer.hpp>
#include <aio/workers/frame.hpp>
#include <aio/workers/remote_call.hpp>
#include <aio/workers/start_method.hpp>

namespace aio {
namespace detail {

/// What the options have come to.
class ProcessPoolSettings {
public:
    std::size_t max_workers = 1;
    std::size_t min_workers = 0;
    std::optional<Duration> idle_timeout;
    /// The frame that carries the call, or null.
    std::shared_ptr<const ByteWriter> initializer;
    std::uint64_t max_tasks = 0;
    std::uint64_t max_tasks_jitter = 0;
    unsigned max_failed_starts = 5;
    Duration start_timeout = std::chrono::seconds(30);
    bool stop_cancelled = true;
    Duration stop_grace = std::chrono::seconds(1);
    Duration kill_grace = std::chrono::seconds(2);
    Duration priority_ageing{};
    bool break_on_crash = false;
    bool capture_output = false;
    StartMethod start_method = StartMethod::zygote;
};

} // namespace detail

/// The options of a process pool; setters can be chained.
class ProcessPoolOptions {
public:
    /// As many workers as processors, started when they are needed and kept.
    ProcessPoolOptions();

    /// At most that many processes. Throws `ValueError` if it is not positive.
    ProcessPoolOptions& max_workers(int count);
    /// So many are started as soon as the pool has its loop, and replaced when they end; the default is 0.
    /// Throws `ValueError` if it is negative. The pool's constructor throws `ValueError` if it is more than
    /// `max_workers`.
    ProcessPoolOptions& min_workers(int count);
    /// A worker that has had nothing to do for so long ends, as long as `min_workers` are left. By default
    /// none does. Throws `ValueError` if it is negative.
    template <class Rep, class Period>
    ProcessPoolOptions& idle_timeout(std::chrono::duration<Rep, Period> timeout) {
        return set_idle_timeout(detail::to_duration(timeout));
    }
    /// Each worker calls `function(arguments...)` before it takes its first call. The same can be sent as by
    /// `ProcessPoolExecutor::submit`, and is encoded here: throws what encoding throws. An initializer that
    /// throws, or ends the process, is a start that has failed (see `max_failed_starts`).
    template <class F, class... Args>
    ProcessPoolOptions& initializer(const F& function, const Args&... arguments) {
        auto frame = std::make_shared<ByteWriter>();
        const std::size_t start = begin_frame(*frame);
        encode_call(*frame, function, arguments...);
        finish_frame(*frame, start, FrameType::initialize, 0);
        settings_.initializer = std::move(frame);
        return *this;
    }
    /// A worker ends after so many calls and is replaced when there is need: for functions that leak.
    /// `jitter` adds a random number of calls up to that, so that not all workers end at once. By default
    /// they live on. Throws `ValueError` if `count` is not positive or `jitter` is negative.
    ProcessPoolOptions& max_tasks_per_child(std::int64_t count, std::int64_t jitter = 0);
    /// After so many starts in a row that have failed, with pauses between them that double from 40 ms to 5
    /// s, a pool none of whose workers works is broken: `BrokenProcessPool`. The default is 5. Throws
    /// `ValueError` if it is not positive.
    ProcessPoolOptions& max_failed_starts(int count);
    /// How long a start may take, with the initializer, before it counts as failed; 30 seconds by default.
    /// Throws `ValueError` if it is not positive.
    template <class Rep, class Period>
    ProcessPoolOptions& start_timeout(std::chrono::duration<Rep, Period> timeout) {
        return set_start_timeout(detail::to_duration(timeout));
    }

    /// What becomes of a call that runs when its loop future is cancelled. By default (true) it is stopped:
    /// it is asked to (see `worker_task`), after `stop_grace` its worker gets SIGTERM, and after `kill_grace`
    /// more SIGKILL. With false it runs on and its result is dropped, as in asyncio.
    ProcessPoolOptions& stop_cancelled(bool stop) noexcept {
        settings_.stop_cancelled = stop;
        return *this;
    }
    /// How long a call that was asked to stop may take to end, and an idle worker that was told to leave:
    /// then it gets SIGTERM. 1 second by default. Throws `ValueError` if it is negative.
    template <class Rep, class Period>
    ProcessPoolOptions& stop_grace(std::chrono::duration<Rep, Period> time) {
        return set_stop_grace(detail::to_duration(time));
    }
    /// How long a worker may take to end after SIGTERM; 2 seconds by default. Throws `ValueError` if it is
    /// negative.
    template <class Rep, class Period>
    ProcessPoolOptions& kill_grace(std::chrono::duration<Rep, Period> time) {
        return set_kill_grace(detail::to_duration(time));
    }
    /// A call that waits for a worker rises by one level of priority with every `period`, so that one of a
    /// low priority gets its turn however many of a higher one keep coming. By default none rises. Throws
    /// `ValueError` if it is not positive.
    template <class Rep, class Period>
    ProcessPoolOptions& priority_ageing(std::chrono::duration<Rep, Period> period) {
        return set_priority_ageing(detail::to_duration(period));
    }
    /// Whether the death of one worker in the middle of a call breaks the pool, as in Python: all its calls
    /// fail with `BrokenProcessPool`, which names the worker and its end, and the other workers are ended. By
    /// default only the call that it ran is lost.
    ProcessPoolOptions& break_on_crash(bool on = true) noexcept {
        settings_.break_on_crash = on;
        return *this;
    }

    /// How workers come to be; `StartMethod::zygote` by default. With `StartMethod::fork` the pool's
    /// constructor throws `RuntimeError` if this process has other threads; if it has some by the time the
    /// first worker is started, no start succeeds.
    ProcessPoolOptions& start_method(StartMethod method) noexcept {
        settings_.start_method = method;
        return *this;
    }
    /// Where the workers' standard output and error go: by default to those of this program. Captured, the
    /// text of each call, at most the last MiB of each, comes with its `CallRecord`, also if the worker dies,
    /// and the last lines with `WorkerCrashed`; what a call without a record writes is dropped.
    ProcessPoolOptions& capture_output(bool on = true) noexcept {
        settings_.capture_output = on;
        return *this;
    }

    /// For the library.
    [[nodiscard]] const detail::ProcessPoolSettings& settings() const noexcept { return settings_; }

private:
    ProcessPoolOptions& set_idle_timeout(Duration timeout);
    ProcessPoolOptions& set_start_timeout(Duration timeout);
    ProcessPoolOptions& set_stop_grace(Duration time);
    ProcessPoolOptions& set_kill_grace(Duration time);
    ProcessPoolOptions& set_priority_ageing(Duration period);

    detail::ProcessPoolSettings settings_;
};

} // namespace aio
