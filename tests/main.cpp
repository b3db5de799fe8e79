#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstdio>

namespace {

/// Line by line: a test that is killed then shows what it had printed, and forked children do not repeat what
/// the parent has in its buffer. (On Windows there is no such mode, only none at all.)
#if defined(_WIN32)
[[maybe_unused]] const int line_buffered = std::setvbuf(stdout, nullptr, _IONBF, 0);
#else
[[maybe_unused]] const int line_buffered = std::setvbuf(stdout, nullptr, _IOLBF, 0);
#endif

} // namespace
