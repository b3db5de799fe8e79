// A plugin of the tests: what it registers is known wherever it is loaded.

#include <aio/workers/named_task.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace {

/// The program has a struct of its own with these fields.
struct Pixel {
    int x;
    int y;
};

std::vector<Pixel> mirror(std::vector<Pixel> pixels, int width) {
    for (Pixel& pixel : pixels) pixel.x = width - pixel.x;
    return pixels;
}

int fail(std::string_view reason) { throw std::out_of_range(std::string(reason)); }

} // namespace

AIO_TASK("plugin.mirror", mirror)
AIO_TASK("plugin.fail", fail)
AIO_TASK("plugin.pid", [] { return static_cast<int>(::getpid()); })
