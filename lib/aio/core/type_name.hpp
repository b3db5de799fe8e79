#pragma once

/// Readable names of types, for messages.

#include <string>
#include <typeinfo>

namespace aio {

/// The name of a type as written in source, where the compiler's runtime can tell; its internal name otherwise.
[[nodiscard]] std::string type_name(const std::type_info& type);

} // namespace aio
