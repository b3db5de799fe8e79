#pragma once

/// All of aiouv.

#include <aio/core/awaitable.hpp>
#include <aio/core/context.hpp>
#include <aio/core/coro.hpp>
#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/future.hpp>
#include <aio/core/sleep.hpp>
#include <aio/core/task.hpp>
