#include <aio/io/report_soon.hpp>

#include <utility>

#include <aio/core/error_context.hpp>
#include <aio/core/event_loop.hpp>

namespace aio::detail {

void report_soon(LoopState& loop, std::exception_ptr error, const char* message) noexcept {
    try {
        ErrorContext context;
        context.message = message;
        context.exception = std::move(error);
        loop.require_loop().call_soon([&loop, context = std::move(context)] { loop.report(context); });
    } catch (...) {
        // Nor is there for a report of this.
        return;
    }
}

} // namespace aio::detail
