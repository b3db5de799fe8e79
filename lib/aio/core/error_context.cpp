#include <aio/core/error_context.hpp>

#include <cstddef>
#include <cstdio>
#include <string_view>

#include <aio/core/errors.hpp>
#include <aio/core/type_name.hpp>

namespace aio {
namespace {

/// The name of the type of an exception; of one that `std::throw_with_nested` threw, that of what it was
/// given, and not of the class that the standard library derived from it.
std::string thrown_type_name(const std::type_info& type) {
    const std::string name = type_name(type);
    // libstdc++, libc++, Microsoft's library.
    for (const std::string_view wrapper :
         {"std::_Nested_exception<", "std::__1::__nested<", "struct std::_With_nested_v2<class "}) {
        const std::size_t end = name.rfind('>');
        if (name.starts_with(wrapper) && end != std::string::npos)
            return name.substr(wrapper.size(), end - wrapper.size());
    }
    return name;
}

} // namespace

std::string describe(const std::exception_ptr& error) {
    if (!error) return "no exception";
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return thrown_type_name(typeid(e)) + ": " + e.what();
    } catch (const BaseError& e) {
        return thrown_type_name(typeid(e)) + ": " + e.what();
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
