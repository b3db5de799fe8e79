#pragma once

/// The tree of a loop's tasks: who waits for whom, seen from above (`python -m asyncio pstree`).
///
///     std::fputs(aio::format_async_tree(aio::async_tree()).c_str(), stderr);
///
///     Task 'main' waits for Future
///       |  aio::TaskGroup::exit at task_group.cpp:125
///       |  amain at main.cpp:31
///       +- Task 'reader' waits for sleep
///         |  read_all at reader.cpp:20
///       +- Task 'writer' waits for Queue.get
///         |  write_all at writer.cpp:17
///
/// It begins with those that nobody waits for. Tasks that wait for each other in a circle have nobody above
/// them: they begin with the one that was made first, and are told in `cycles` as well.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/event_loop.hpp>
#include <aio/debug/call_graph.hpp>

namespace aio {

/// A task, or a future that tasks wait through (of `gather`, `shield`), in an `AsyncTree`.
class AsyncTreeEntry : public FutureSnapshot {
public:
    AsyncTreeEntry() = default;
    AsyncTreeEntry(FutureSnapshot snapshot, std::size_t level, CallGraphMark how) noexcept
        : FutureSnapshot(std::move(snapshot)), depth(level), mark(how) {}

    /// 0 for a root; one more than that of the entry that waits for this one.
    std::size_t depth = 0;
    /// If not `whole`, neither the call stack nor what it waits for is repeated.
    CallGraphMark mark = CallGraphMark::whole;
};

/// All tasks of a loop at one moment: a plain value.
class AsyncTree {
public:
    /// Each followed by those it waits for.
    std::vector<AsyncTreeEntry> entries;
    /// Tasks and futures that wait for each other in a circle, as labels: each waits for the next one, and
    /// the last for the first. Of circles that have members in common not all are told.
    std::vector<std::vector<std::string>> cycles;
};

/// The tree of the tasks of `loop` that are not done. `options.limit` is for each call stack, `depth` for
/// that of the current task. On the loop's thread.
[[nodiscard]] AsyncTree async_tree(const EventLoop& loop,
                                   const CallGraphOptions& options = CallGraphOptions());
/// The same for the running loop. Throws `RuntimeError` if there is none.
[[nodiscard]] AsyncTree async_tree(const CallGraphOptions& options = CallGraphOptions());

/// The tree as text, as shown above, circles first. It is indented as `format_call_graph` does it.
[[nodiscard]] std::string format_async_tree(const AsyncTree& tree);

} // namespace aio
