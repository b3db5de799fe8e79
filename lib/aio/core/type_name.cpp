#include <aio/core/type_name.hpp>

#if __has_include(<cxxabi.h>)
#include <cstdlib>
#include <memory>

#include <cxxabi.h>

std::string aio::type_name(const std::type_info& type) {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
    return status == 0 ? text.get() : type.name();
}
#else
std::string aio::type_name(const std::type_info& type) { return type.name(); }
#endif
