#include <aio/core/type_name.hpp>

#include <exception>

#if __has_include(<cxxabi.h>)
#include <cstdlib>
#include <memory>

#include <cxxabi.h>

namespace aio {

std::string type_name(const std::type_info& type) {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> text(
        abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
    return status == 0 ? text.get() : type.name();
}

std::string detail::current_exception_type_name() {
    const std::type_info* const type = abi::__cxa_current_exception_type();
    return type != nullptr ? type_name(*type) : "an unknown type";
}

} // namespace aio

#else

namespace aio {

std::string type_name(const std::type_info& type) { return type.name(); }

std::string detail::current_exception_type_name() {
    try {
        throw;
    } catch (const std::exception& error) {
        return type_name(typeid(error));
    } catch (...) {
        return "an unknown type";
    }
}

} // namespace aio

#endif
