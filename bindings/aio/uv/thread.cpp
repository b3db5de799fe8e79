#include <aio/uv/thread.hpp>

#include <cstdlib>
#include <cstring>

#include <uv.h>

#if defined(__linux__)
#include <fcntl.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <libproc.h>
#include <unistd.h>
#endif

#if UV_VERSION_HEX < ((1 << 16) | (50 << 8)) && (defined(__linux__) || defined(__APPLE__))
#include <pthread.h>
#endif

namespace aio::uv {
namespace {

#if defined(__SANITIZE_THREAD__)
#define AIO_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AIO_THREAD_SANITIZER
#endif
#endif

/// ThreadSanitizer starts a thread of its own together with the program's second.
[[maybe_unused]] std::size_t without_the_sanitizers(std::size_t threads) noexcept {
#if defined(AIO_THREAD_SANITIZER)
    return threads > 1 ? threads - 1 : threads;
#else
    return threads;
#endif
}

} // namespace

void set_thread_name(const std::string& name) noexcept {
#if defined(__linux__)
    // 15 characters and a zero.
    const char* shown = name.size() <= 15 ? name.c_str() : name.c_str() + (name.size() - 15);
#else
    const char* shown = name.c_str();
#endif
#if UV_VERSION_HEX >= ((1 << 16) | (50 << 8))
    uv_thread_setname(shown);
#elif defined(__linux__)
    pthread_setname_np(pthread_self(), shown);
#elif defined(__APPLE__)
    pthread_setname_np(shown);
#else
    static_cast<void>(shown);
#endif
}

std::optional<std::size_t> count_threads() noexcept {
#if defined(__linux__)
    // The twentieth field of the line; the second, the program's name in brackets, may contain anything.
    char line[1024];
    const int file = ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (file < 0) return std::nullopt;
    const ssize_t size = ::read(file, line, sizeof line - 1);
    ::close(file);
    if (size <= 0) return std::nullopt;
    line[size] = '\0';
    const char* field = std::strrchr(line, ')');
    for (int n = 2; field != nullptr && n < 20; ++n) field = std::strchr(field + 1, ' ');
    if (field == nullptr) return std::nullopt;
    const long threads = std::strtol(field, nullptr, 10);
    if (threads <= 0) return std::nullopt;
    return without_the_sanitizers(static_cast<std::size_t>(threads));
#elif defined(__APPLE__)
    proc_taskinfo info;
    if (::proc_pidinfo(::getpid(), PROC_PIDTASKINFO, 0, &info, sizeof info) != sizeof info)
        return std::nullopt;
    return without_the_sanitizers(static_cast<std::size_t>(info.pti_threadnum));
#else
    return std::nullopt;
#endif
}

} // namespace aio::uv
