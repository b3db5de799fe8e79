#pragma once

/// Edges of the call graph that the library cannot know of (`asyncio.future_add_to_awaited_by`).
///
/// Who awaits a task or future is found from what hangs in it: awaits, and the callbacks of `gather`,
/// `shield`, `wait`, `as_completed` and task groups. A combinator of your own that ends a future from a done
/// callback of another one says so, and call graphs then lead through it:
///
///     aio::Future<int> first_of(aio::Task<int> a, aio::Task<int> b) {
///         aio::Future<int> outer = aio::get_running_loop().create_future<int>();
///         for (const aio::Task<int>& inner : {a, b}) {
///             inner.add_done_callback(...);                       // ends `outer`
///             aio::future_add_to_awaited_by(inner, outer);
///         }
///         return outer;
///     }
///
/// An edge changes nothing in how its futures behave and keeps neither of them alive.

#include <aio/core/future.hpp>

namespace aio {

/// Notes that `waiter` waits for `future`, until either of them is done or gone. Nothing happens if one of
/// them is done already; noting it twice is the same as once. On the loop's thread. Throws
/// `InvalidStateError` for an empty handle, `RuntimeError` if the two belong to different loops or the loop
/// is closed, `ValueError` if they are the same.
void future_add_to_awaited_by(const AnyFuture& future, const AnyFuture& waiter);

/// Takes back what `future_add_to_awaited_by` has noted, and nothing else: a real await stays. Does nothing
/// if there is no such note. It looks at everything that hangs in `future`. On the loop's thread; throws
/// `InvalidStateError` for an empty handle.
void future_discard_from_awaited_by(const AnyFuture& future, const AnyFuture& waiter);

} // namespace aio
