#pragma once

/// Which sanitizer a test is built with, as GCC and clang each say it.

#if defined(__SANITIZE_THREAD__)
#define AIO_TEST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AIO_TEST_TSAN 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(AIO_TEST_TSAN)
#define AIO_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define AIO_TEST_SANITIZED 1
#endif
#endif

namespace sanitizer {

/// It holds signals back from code that computes.
#if defined(AIO_TEST_TSAN)
inline constexpr bool of_threads = true;
#else
inline constexpr bool of_threads = false;
#endif

/// Any of them. They have allocators of their own, which do not fail and keep what was freed, and they need
/// descriptors of their own and take it for an error when there are none.
#if defined(AIO_TEST_SANITIZED)
inline constexpr bool any = true;
#else
inline constexpr bool any = false;
#endif

} // namespace sanitizer
