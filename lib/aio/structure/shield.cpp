#include <aio/structure/shield.hpp>

#include <aio/core/error_context.hpp>

namespace aio::detail {

void ShieldBridge::call(Ref<FutureState> future) {
    FutureState& inner = *future;
    FutureState& outer = *outer_;
    if (outer.done()) {
        if (inner.cancelled()) return;
        const std::exception_ptr error = inner.exception();
        if (!error || !outer.cancelled()) return;
        ErrorContext context;
        context.message = "A shielded task has failed after its await was cancelled";
        context.exception = error;
        if (const TaskState* task = inner.as_task()) task->identify(context);
        inner.loop().report(context);
        return;
    }
    if (inner.cancelled()) {
        outer.cancel(inner.cancel_message());
    } else if (const std::exception_ptr error = inner.exception()) {
        if (inner.raises_cancelled())
            outer.set_cancelled_error({});
        else
            outer.set_exception(error);
    } else {
        try {
            transfer_value(inner, outer);
        } catch (...) {
            outer.set_exception(std::current_exception());
        }
    }
}

} // namespace aio::detail
