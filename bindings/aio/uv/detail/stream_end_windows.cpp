#include <aio/uv/detail/stream_block.hpp>

namespace aio::uv::detail {

void StreamBlock::reading_ended(int status) noexcept { reader->ended(status == UV_EOF ? 0 : status); }

} // namespace aio::uv::detail
