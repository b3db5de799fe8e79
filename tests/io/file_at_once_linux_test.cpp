#include <aio/io/file.hpp>

#include <atomic>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <sys/uio.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/uv/file_at_once.hpp>
#include <aio/uv/loop.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using io_test::Folder;
using io_test::long_text;
using io_test::put;

namespace {

/// From this offset on reading without waiting says 0, as on Linux 5.9 and 5.10 (preadv2(2), BUGS).
std::atomic<off_t> lying_from = -1;

class LyingFrom {
public:
    explicit LyingFrom(off_t offset) { lying_from = offset; }
    ~LyingFrom() { lying_from = -1; }
    LyingFrom(const LyingFrom&) = delete;
    LyingFrom& operator=(const LyingFrom&) = delete;
};

} // namespace

// Takes the place of the C library's in this program, under whatever name its header gives it there.
extern "C" ssize_t preadv2(int file, const iovec* buffers, int count, off_t offset, int flags) {
    using Function = ssize_t (*)(int, const iovec*, int, off_t, int);
    static void* const found = [] {
        void* const large = ::dlsym(RTLD_NEXT, "preadv64v2");
        return large != nullptr ? large : ::dlsym(RTLD_NEXT, "preadv2");
    }();
    const off_t from = lying_from;
    if (from >= 0 && offset >= from) return 0;
    return reinterpret_cast<Function>(found)(file, buffers, count, offset, flags);
}

TEST_CASE("file: a kernel that says 0 before the end does not cut a file short") {
    const Folder folder;
    const std::string text = long_text(100'000);
    put(folder / "file", text);
    const LyingFrom liar(4096);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        File file = co_await File::open(folder / "file");
        std::vector<std::byte> memory(1000);
        std::string read;
        for (;;) {
            const std::size_t count = co_await file.read_some(memory);
            if (count == 0) break;
            read += io_test::text_of(memory, count);
        }
        CHECK(read == text);
    });
}

TEST_CASE("file: the end of a regular file needs no thread") {
    const Folder folder;
    put(folder / "file", "text");
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        File file = co_await File::open(folder / "file");
        std::vector<std::byte> memory(10);
        if (uv::read_at_once(file.descriptor(), memory, 0).result() != uv::AtOnce::done) co_return;
        CHECK(co_await file.read_at(memory, 4) == 0);
        CHECK(co_await file.read_at(memory, 400) == 0);
        CHECK(loop.bindings().requests() == 0);
    });
}
