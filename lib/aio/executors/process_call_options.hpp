#pragma once

/// `ProcessCallOptions`: what one call to a `ProcessPoolExecutor` may take, and what becomes of it when it
/// fails.
///
///     auto page = pool.submit(aio::ProcessCallOptions().timeout(2s).retries(3).priority(5), render, path);
///     co_await loop.run_in_executor(pool, aio::ProcessCallOptions().memory_limit(64 << 20), parse, text);

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include <aio/core/clock.hpp>
#include <aio/executors/process_call_record.hpp>
#include <aio/workers/progress.hpp>

namespace aio {
namespace detail {

/// What the options have come to.
class CallSettings {
public:
    std::optional<Duration> timeout;
    unsigned retries = 0;
    int priority = 0;
    std::uint64_t memory_limit = 0;
    std::chrono::microseconds cpu_limit{};
    std::optional<CallRecord> record;
    std::function<void(const Progress&)> on_progress;
    std::size_t buffersize = 128;
    std::size_t buffer_bytes = std::size_t{1} << 20;
};

} // namespace detail

/// The options of one call; setters can be chained.
class ProcessCallOptions {
public:
    ProcessCallOptions() = default;

    /// How long the call may run, counted from when a worker gets it. Then it is stopped, as by a
    /// cancellation, and fails with `TimeoutError` once it has ended. Throws `ValueError` if it is not
    /// positive.
    template <class Rep, class Period>
    ProcessCallOptions& timeout(std::chrono::duration<Rep, Period> time) {
        return set_timeout(detail::to_duration(time));
    }
    /// For calls that may be made more than once: if the worker dies it is made again, up to so many times;
    /// then it fails with `PoisonTask`, which lists all the ends. By default it is never repeated.
    /// Exceptions, timeouts and exceeded limits are no reason to repeat it. Throws `ValueError` if it is
    /// negative.
    ProcessCallOptions& retries(int count);
    /// Calls that wait go to workers in the order of this number, the highest first, and equal ones as they
    /// came; the default is 0. As long as there are calls of a higher one, the others wait, unless the pool
    /// has `ProcessPoolOptions::priority_ageing`. It does not matter to calls that a worker has.
    ProcessCallOptions& priority(int level) noexcept {
        settings_.priority = level;
        return *this;
    }
    /// How much memory the call may take, in bytes, beyond what the worker has already: an allocation that
    /// goes further throws `std::bad_alloc` in it. The stacks of threads count, also of the one behind a stop
    /// token; shared memory does not (`SharedBuffer`, and what is too large for the pipe). On Linux;
    /// elsewhere nothing is limited. Throws `ValueError` if it is 0.
    ProcessCallOptions& memory_limit(std::uint64_t bytes);
    /// How much processor time the call may use, its threads together; then its worker is ended by SIGXCPU,
    /// and the call fails with `WorkerCrashed`. Not on Windows. Throws `ValueError` if it is less than a
    /// microsecond.
    template <class Rep, class Period>
    ProcessCallOptions& cpu_limit(std::chrono::duration<Rep, Period> time) {
        return set_cpu_limit(detail::to_duration(time));
    }
    /// Where to note what the call uses and how it ends; measuring costs two system calls.
    ProcessCallOptions& record(const CallRecord& record) {
        settings_.record = record;
        return *this;
    }

    /// Has `function` called, on the loop's thread and by the loop, with what the call reports while it runs
    /// (`WorkerTask::report_progress`): the last report that has come, so some may be left out; before the
    /// call's future is done, or with the end of its stream. What it throws goes to the exception handler.
    ProcessCallOptions& on_progress(std::function<void(const Progress&)> function) {
        settings_.on_progress = std::move(function);
        return *this;
    }
    /// For `stream`: how many items the call may be ahead of its reader before it has to wait; 128 by
    /// default. Throws `ValueError` if it is not positive.
    ProcessCallOptions& buffersize(int items);
    /// For `stream`: how large these items may be together, encoded and with their shared memory; 1 MiB by
    /// default. The one that exceeds it is still sent, so that there is no limit to a single item. Throws
    /// `ValueError` if it is 0.
    ProcessCallOptions& buffer_bytes(std::size_t bytes);

    /// For the library.
    [[nodiscard]] const detail::CallSettings& settings() const noexcept { return settings_; }

private:
    ProcessCallOptions& set_timeout(Duration time);
    ProcessCallOptions& set_cpu_limit(Duration time);

    detail::CallSettings settings_;
};

} // namespace aio
