#include <aio/structure/exception_group.hpp>

#include <aio/core/error_context.hpp>
#include <aio/core/errors.hpp>

namespace aio {

ExceptionGroup::ExceptionGroup(std::string message, std::vector<std::exception_ptr> exceptions)
    : message_(std::move(message)), exceptions_(std::move(exceptions)) {
    if (exceptions_.empty()) throw ValueError("an ExceptionGroup needs at least one exception");
    what_ = message_ + " (" + std::to_string(exceptions_.size()) +
            (exceptions_.size() == 1 ? " error)" : " errors)");
    for (const std::exception_ptr& error : exceptions_) {
        if (!error) throw ValueError("an ExceptionGroup cannot hold a null exception");
        // A nested group brings its own lines, one step further in.
        what_ += "\n  - ";
        for (const char c : describe(error)) {
            what_ += c;
            if (c == '\n') what_ += "  ";
        }
    }
}

detail::ExceptionKind detail::kind_of(const std::exception_ptr& error) noexcept {
    if (!error) return ExceptionKind::none;
    try {
        std::rethrow_exception(error);
    } catch (const CancelledError&) {
        return ExceptionKind::cancelled;
    } catch (const BaseError&) {
        return ExceptionKind::base;
    } catch (...) {
        return ExceptionKind::ordinary;
    }
}

} // namespace aio
