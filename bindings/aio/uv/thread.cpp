#include <aio/uv/thread.hpp>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include <uv.h>

#if defined(__linux__)
#include <fcntl.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <libproc.h>
#include <unistd.h>
#endif

#if defined(__MINGW32__) ||                                                                                  \
    (UV_VERSION_HEX < ((1 << 16) | (50 << 8)) && (defined(__linux__) || defined(__APPLE__)))
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

struct ExitCall {
    void (*function)(void*);
    void* argument;
    std::unique_ptr<ExitCall> earlier;
};

void run_exit_calls(std::unique_ptr<ExitCall> latest) noexcept {
    while (latest) {
        latest->function(latest->argument);
        latest = std::move(latest->earlier);
    }
}

#if defined(__MINGW32__)

/// A key of the thread library: unlike the memory of `thread_local` variables, its value is still there when
/// its destructor is called. What a call adds comes in the next pass over the keys.
std::optional<pthread_key_t> exit_calls_key() noexcept {
    static const std::optional<pthread_key_t> key = []() -> std::optional<pthread_key_t> {
        pthread_key_t made;
        const auto run = [](void* latest) {
            run_exit_calls(std::unique_ptr<ExitCall>(static_cast<ExitCall*>(latest)));
        };
        if (pthread_key_create(&made, run) != 0) return std::nullopt;
        return made;
    }();
    return key;
}

/// Puts a call before those of this thread; whether that could be done.
bool add_exit_call(std::unique_ptr<ExitCall> call) noexcept {
    const std::optional<pthread_key_t> key = exit_calls_key();
    if (!key) return false;
    auto* const earlier = static_cast<ExitCall*>(pthread_getspecific(*key));
    if (pthread_setspecific(*key, call.get()) != 0) return false;
    call.release()->earlier.reset(earlier);
    return true;
}

#else

/// Trivially destructible, so that they can be used at any time of a thread's life.
constinit thread_local ExitCall* latest_exit_call = nullptr;
constinit thread_local bool exit_calls_over = false;

struct ExitCallRunner {
    ~ExitCallRunner() {
        // What a call adds stands in the variable again.
        while (latest_exit_call != nullptr)
            run_exit_calls(std::unique_ptr<ExitCall>(std::exchange(latest_exit_call, nullptr)));
        exit_calls_over = true;
    }
    /// Odr-uses the thread_local object, which registers its destructor.
    void touch() noexcept {}
};

thread_local ExitCallRunner exit_call_runner;

/// Puts a call before those of this thread; whether that could be done.
bool add_exit_call(std::unique_ptr<ExitCall> call) noexcept {
    if (exit_calls_over) return false;
    exit_call_runner.touch();
    call->earlier.reset(std::exchange(latest_exit_call, call.get()));
    static_cast<void>(call.release());
    return true;
}

#endif

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

bool at_thread_exit(void (*function)(void*), void* argument) noexcept {
    std::unique_ptr<ExitCall> call(new (std::nothrow) ExitCall{function, argument, nullptr});
    return call && add_exit_call(std::move(call));
}

} // namespace aio::uv
