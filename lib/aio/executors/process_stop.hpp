#pragma once

/// How calls of a process pool come to an end that is not their own.

#include <exception>
#include <string>

#include <aio/core/errors.hpp>
#include <aio/executors/process_entry.hpp>
#include <aio/workers/worker_exit.hpp>

namespace aio::detail {

/// What a call that was allowed some time fails with; `end` says how it has ended.
[[nodiscard]] TimeoutError timeout_error(const PoolEntry& entry, const std::string& end);

/// Fails the call, and notes in its record which workers have died of it.
void fail(const PoolEntry& entry, std::exception_ptr error) noexcept;

} // namespace aio::detail
