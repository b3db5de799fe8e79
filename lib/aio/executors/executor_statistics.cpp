#include <aio/executors/executor_statistics.hpp>

#include <chrono>
#include <cstdio>
#include <utility>

namespace aio {
namespace {

std::string in_seconds(Duration age) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3g s", std::chrono::duration<double>(age).count());
    return text;
}

} // namespace

std::string describe(const std::vector<RunningCall>& calls) {
    std::string text;
    for (const RunningCall& call : calls) {
        if (!text.empty()) text += ", ";
        text +=
            "'" + call.name + "' (running for " + in_seconds(call.age) + " in thread " + call.thread + ")";
    }
    return text;
}

namespace detail {

std::string describe_blocking(const ExecutorStatistics& statistics) {
    std::string text =
        statistics.running.empty() ? "no call is running" : "still running: " + describe(statistics.running);
    if (statistics.queued == 1) text += "; 1 call is queued";
    if (statistics.queued > 1) text += "; " + std::to_string(statistics.queued) + " calls are queued";
    return text;
}

} // namespace detail

ShutdownTimeout::ShutdownTimeout(const std::string& executor, ExecutorStatistics statistics)
    : TimeoutError("the executor " + executor +
                   " has not ended in time: " + detail::describe_blocking(statistics)),
      statistics_(std::move(statistics)) {}

} // namespace aio
