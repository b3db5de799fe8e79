#pragma once

/// Readable names of types, for messages: they differ between compilers.

#include <string>
#include <typeinfo>

namespace aio {

/// The name of a type as written in source, where the compiler's runtime can tell; its internal name
/// otherwise.
[[nodiscard]] std::string type_name(const std::type_info& type);

namespace detail {

/// In a `catch` block: the name of the type that was thrown; "an unknown type" where the compiler's runtime
/// does not say.
[[nodiscard]] std::string current_exception_type_name();

} // namespace detail
} // namespace aio
