#pragma once

/// Whether libuv's work queue has threads yet: it starts them with its first job.

namespace aio::uv::detail {

/// To be called before whatever makes libuv use its work queue.
void note_use_of_work_queue() noexcept;

} // namespace aio::uv::detail
