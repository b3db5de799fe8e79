#include <aio/workers/type_name.hpp>

#include <cstdlib>
#include <exception>
#include <memory>

#if __has_include(<cxxabi.h>)
#include <cxxabi.h>
#define AIO_HAS_CXXABI 1
#else
#define AIO_HAS_CXXABI 0
#endif

namespace aio::detail {

std::string readable_type_name(const std::type_info& type) {
#if AIO_HAS_CXXABI
    struct Free {
        void operator()(char* text) const noexcept { std::free(text); }
    };
    int status = 0;
    const std::unique_ptr<char, Free> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status));
    if (name != nullptr && status == 0) {
        return name.get();
    }
#endif
    return type.name();
}

std::string current_exception_type_name() {
#if AIO_HAS_CXXABI
    if (const std::type_info* type = abi::__cxa_current_exception_type()) {
        return readable_type_name(*type);
    }
    return "an unknown type";
#else
    try {
        throw;
    } catch (const std::exception& error) {
        return readable_type_name(typeid(error));
    } catch (...) {
        return "an unknown type";
    }
#endif
}

} // namespace aio::detail
