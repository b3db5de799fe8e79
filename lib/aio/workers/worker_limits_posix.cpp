#include <aio/workers/worker_limits_posix.hpp>

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

namespace aio::detail {
namespace {

/// Its own name tells better what has happened than that of the timer's signal.
extern "C" void on_time_used(int) {
    std::signal(SIGXCPU, SIG_DFL);
    std::raise(SIGXCPU);
}

void set_timer(std::int64_t microseconds) noexcept {
    itimerval timer{};
    timer.it_value.tv_sec = static_cast<time_t>(microseconds / 1'000'000);
    timer.it_value.tv_usec = static_cast<suseconds_t>(microseconds % 1'000'000);
    ::setitimer(ITIMER_PROF, &timer, nullptr);
}

/// What RLIMIT_DATA is compared with, or 0 where that is not known.
std::uint64_t data_bytes() noexcept {
    std::uint64_t pages = 0;
    if (std::FILE* const file = std::fopen("/proc/self/statm", "re")) {
        unsigned long long data = 0;
        if (std::fscanf(file, "%*s %*s %*s %*s %*s %llu", &data) == 1) pages = data;
        std::fclose(file);
    }
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::int64_t microseconds(const timeval& time) noexcept {
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + time.tv_usec;
}

} // namespace

CallLimits::CallLimits(const WorkerOrders& orders) noexcept {
    if (orders.memory_bytes > 0) {
        const std::uint64_t present = data_bytes();
        if (present > 0 && ::getrlimit(RLIMIT_DATA, &usual_memory_) == 0) {
            rlimit limited = usual_memory_;
            limited.rlim_cur =
                std::min(static_cast<rlim_t>(present + orders.memory_bytes), usual_memory_.rlim_max);
            limits_memory_ = ::setrlimit(RLIMIT_DATA, &limited) == 0;
        }
    }
    if (orders.cpu_microseconds > 0) {
        limits_time_ = true;
        std::signal(SIGPROF, &on_time_used);
        set_timer(orders.cpu_microseconds);
    }
}

CallLimits::~CallLimits() {
    if (limits_time_) {
        set_timer(0);
        std::signal(SIGPROF, SIG_DFL);
    }
    if (limits_memory_) ::setrlimit(RLIMIT_DATA, &usual_memory_);
}

CallMeter::CallMeter() noexcept : start_(std::chrono::steady_clock::now()) {
    ::getrusage(RUSAGE_SELF, &before_);
}

CallUsage CallMeter::usage() const noexcept {
    rusage now{};
    ::getrusage(RUSAGE_SELF, &now);
    CallUsage usage;
    usage.wall_nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start_)
            .count();
    usage.user_microseconds = microseconds(now.ru_utime) - microseconds(before_.ru_utime);
    usage.system_microseconds = microseconds(now.ru_stime) - microseconds(before_.ru_stime);
#ifdef __APPLE__
    usage.max_resident_bytes = static_cast<std::uint64_t>(now.ru_maxrss);
#else
    usage.max_resident_bytes = static_cast<std::uint64_t>(now.ru_maxrss) * 1024;
#endif
    return usage;
}

} // namespace aio::detail
