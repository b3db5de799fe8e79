#pragma once
// Readable names of types, for messages only: they differ between compilers.

#include <string>
#include <typeinfo>

namespace aio::detail {

/// "std::vector<int>" rather than what the compiler calls it internally, where the platform can tell.
[[nodiscard]] std::string readable_type_name(const std::type_info& type);

/// The type of the exception being handled, as it was thrown; "an unknown type" where the platform does not
/// say.
[[nodiscard]] std::string current_exception_type_name();

} // namespace aio::detail
