#pragma once

/// All of aiouv.

#include <aio/core/awaitable.hpp>
#include <aio/core/context.hpp>
#include <aio/core/coro.hpp>
#include <aio/core/error_context.hpp>
#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/future.hpp>
#include <aio/core/sleep.hpp>
#include <aio/core/task.hpp>
#include <aio/executors/concurrent_future.hpp>
#include <aio/executors/executor.hpp>
#include <aio/executors/process_pool.hpp>
#include <aio/executors/run_coroutine_threadsafe.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/executors/thread_pool.hpp>
#include <aio/executors/work_queue_executor.hpp>
#include <aio/executors/wrap_future.hpp>
#include <aio/structure/ensure_future.hpp>
#include <aio/structure/exception_group.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/outcome.hpp>
#include <aio/structure/run.hpp>
#include <aio/structure/runner.hpp>
#include <aio/structure/shield.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/workers/codec.hpp>
#include <aio/workers/process_start.hpp>
#include <aio/workers/remote_error.hpp>
