#include <aio/core/error_context.hpp>

#include <cstdio>

#include <aio/core/errors.hpp>
#include <aio/core/type_name.hpp>

namespace aio {

std::string describe(const std::exception_ptr& error) {
    if (!error) return "no exception";
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return type_name(typeid(e)) + ": " + e.what();
    } catch (const BaseError& e) {
        return type_name(typeid(e)) + ": " + e.what();
    } catch (const CancelledError& e) {
        return e.message().empty() ? "aio::CancelledError" : "aio::CancelledError: " + e.message();
    } catch (...) {
        return detail::current_exception_type_name() + ", which is not a std::exception";
    }
}

std::string describe(const ErrorContext& context) {
    std::string text = context.message;
    const std::string made = describe(context.created);
    if (!context.source.empty() || !made.empty()) {
        text += " (" + context.source;
        if (!made.empty()) text += (context.source.empty() ? "" : ", made at ") + made;
        text += ")";
    }
    if (context.exception) text += ": " + describe(context.exception);
    return text;
}

std::string describe(const std::source_location& where) {
    if (where.line() == 0) return {};
    std::string text = std::string(where.file_name()) + ":" + std::to_string(where.line());
    // Inside a coroutine GCC names the function that it has made of its body, which nobody knows.
    const std::string function = where.function_name();
    if (!function.empty() && function.find(".Frame*") == std::string::npos) text += " in " + function;
    return text;
}

void report_to_stderr(const ErrorContext& context) noexcept {
    try {
        std::fprintf(stderr, "aiouv: %s\n", describe(context).c_str());
    } catch (...) {
        std::fputs("aiouv: out of memory while reporting an error\n", stderr);
    }
}

} // namespace aio
