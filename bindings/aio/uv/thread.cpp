#include <aio/uv/thread.hpp>

#include <uv.h>

#if UV_VERSION_HEX < ((1 << 16) | (50 << 8)) && (defined(__linux__) || defined(__APPLE__))
#include <pthread.h>
#endif

namespace aio::uv {

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

} // namespace aio::uv
