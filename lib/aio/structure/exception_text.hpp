#pragma once

/// Exceptions as text of several lines: groups as trees, and causes.

#include <string>

namespace aio {

class ExceptionGroup;

namespace detail {

/// What `ExceptionGroup::what` gives.
[[nodiscard]] std::string describe_tree(const ExceptionGroup& group);

} // namespace detail
} // namespace aio
