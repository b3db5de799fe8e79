#pragma once

/// `Progress`: how far a call is that runs in a worker process.
///
///     for (long i = 0; i < n; ++i) {                                             // in the worker
///         if (i % 1000 == 0) aio::worker_task().report_progress(i, n, "sorting");
///         ...
///
///     const auto show = [](const aio::Progress& p) { std::printf("%.0f %%\n", 100 * p.fraction()); };
///     co_await loop.run_in_executor(pool, aio::ProcessCallOptions().on_progress(show), sort, n);
///
/// Reports are news, not a log: when the program has no time to read them all, it sees the last one.

#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

#include <aio/workers/codec_access.hpp>

namespace aio {

/// What `WorkerTask::report_progress` has said.
class Progress {
public:
    Progress() = default;
    Progress(double is_done, double of_total, std::string words)
        : done(is_done), total(of_total), text(std::move(words)) {}

    /// In whatever unit the call counts.
    double done = 0;
    double total = 0;
    /// At most `max_text` bytes.
    std::string text;

    /// Between 0 and 1, if the call keeps to its total; 0 if it does not know that.
    [[nodiscard]] double fraction() const noexcept { return total > 0 ? done / total : 0; }

    /// What is longer is cut off.
    static constexpr std::size_t max_text = 1024;

private:
    friend CodecAccess;
    static constexpr auto aio_fields() {
        return std::tuple(&Progress::done, &Progress::total, &Progress::text);
    }
};

} // namespace aio
