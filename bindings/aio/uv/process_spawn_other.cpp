#include <aio/uv/detail/process_block.hpp>

namespace aio::uv::detail {

bool can_spawn_quickly() noexcept { return false; }

int spawn_quickly(ProcessBlock&, const ProcessOptions&, const std::vector<int>&) { return UV_ENOSYS; }

} // namespace aio::uv::detail
