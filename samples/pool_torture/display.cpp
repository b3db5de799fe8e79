#include "display.hpp"

#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>

namespace pool_torture {
namespace {

constexpr const char* end_of_line = "\033[K\n"; // and takes away what was there

template <class... Args>
void append(std::string& text, const char* format, Args... arguments) {
    char line[256];
    const int size = std::snprintf(line, sizeof line, format, arguments...);
    text.append(line, static_cast<std::size_t>(std::clamp(size, 0, static_cast<int>(sizeof line) - 1)));
}

double seconds_since(std::chrono::steady_clock::time_point time) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - time).count();
}

} // namespace

Display::Display(const Options& options) : options_(options), live_(isatty(STDOUT_FILENO) == 1) {}

void Display::show(const Figures& figures) {
    const double now = figures.seconds();
    const double rate =
        now > last_time_ ? static_cast<double>(figures.right - last_right_) / (now - last_time_) : 0;
    last_time_ = now;
    last_right_ = figures.right;
    if (!live_) {
        std::printf("%6.1f s  %8.0f calls/s  %3zu workers  %" PRIu64 " kills  %" PRIu64 " lost\n", now, rate,
                    figures.workers.size(), figures.kills, figures.lost);
        std::fflush(stdout);
        return;
    }
    const std::string text = picture(figures, rate);
    clear();
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    lines_ = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

std::string Display::picture(const Figures& figures, double rate) const {
    std::string text;
    append(text, "%6.1f s of %.0f   %8.0f calls/s%s", figures.seconds(), options_.duration.count(), rate,
           end_of_line);
    append(text,
           "right %" PRIu64 "   wrong %" PRIu64 "   lost %" PRIu64 "   kills %" PRIu64
           "   workers started %" PRIu64 "%s",
           figures.right, figures.wrong, figures.lost, figures.kills, figures.started, end_of_line);
    for (const auto& [pid, worker] : figures.workers) {
        const double age = seconds_since(worker.first_seen);
        append(text, "  pid %-8d %7.1f s  %9" PRIu64 " calls  %s%s", pid, age, worker.calls,
               std::string(std::min<std::size_t>(30, static_cast<std::size_t>(age * 10)), '#').c_str(),
               end_of_line);
    }
    return text;
}

void Display::clear() {
    if (lines_ > 0) std::printf("\033[%dA\033[J", lines_);
    lines_ = 0;
}

void print_summary(const Figures& figures) {
    const double seconds = figures.seconds();
    std::printf("%-16s %12.1f s\n", "time", seconds);
    std::printf("%-16s %12" PRIu64 "  (%.0f a second)\n", "calls", figures.submitted,
                static_cast<double>(figures.right) / seconds);
    std::printf("%-16s %12" PRIu64 "\n", "right answers", figures.right);
    std::printf("%-16s %12" PRIu64 "\n", "wrong answers", figures.wrong);
    std::printf("%-16s %12" PRIu64 "\n", "workers killed", figures.kills);
    std::printf("%-16s %12" PRIu64 "  (%" PRIu64 " of them not by a kill)\n", "calls lost", figures.lost,
                figures.unexplained);
    std::printf("%-16s %12" PRIu64 "\n", "calls failed", figures.failed);
    std::printf("%-16s %12" PRIu64 "\n", "workers started", figures.started);
    std::printf("%-16s %12.1f ms\n", "longest call",
                std::chrono::duration<double, std::milli>(figures.longest_call).count());
    std::puts(figures.promise_kept() ? "Only calls that a killed worker was running were lost."
                                     : "The pool has NOT kept its promise.");
    std::fflush(stdout);
}

} // namespace pool_torture
