#include <aio/structure/run_options.hpp>

#include <aio/core/errors.hpp>

namespace aio {

std::unique_ptr<EventLoop> RunOptions::make_loop() const {
    std::unique_ptr<EventLoop> loop = loop_factory_ ? loop_factory_() : std::make_unique<EventLoop>();
    if (!loop) throw ValueError("the loop factory of a Runner returned null");
    if (debug_) loop->set_debug(*debug_);
    return loop;
}

} // namespace aio
