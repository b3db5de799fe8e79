#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#if !defined(_WIN32)
#include <aio/workers/zygote_posix.hpp>
#endif

int main(int argument_count, char** arguments) {
    // Line by line: a test that is killed then shows what it had printed, and forked children do not repeat
    // what the parent has in its buffer. (On Windows there is no such mode, only none at all.)
#if defined(_WIN32)
    std::setvbuf(stdout, nullptr, _IONBF, 0);
#else
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    // A process that is to serve pools is this program once more, and must do that before it runs any test.
    aio::serve_if_zygote();
#endif
    return doctest::Context(argument_count, arguments).run();
}
