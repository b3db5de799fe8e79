#pragma once

/// What the layers above need to know about threads beyond the C++ standard library.

#include <string>

namespace aio::uv {

/// Names the calling thread for debuggers and `ps`, as far as the system can. Where names are short, the end
/// is kept: it is what tells threads of one pool apart.
void set_thread_name(const std::string& name) noexcept;

} // namespace aio::uv
