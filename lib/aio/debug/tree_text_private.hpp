#pragma once

/// What trees of tasks have in common as text.

#include <algorithm>
#include <cstddef>
#include <string>

#include <aio/debug/call_graph.hpp>

namespace aio::detail {

/// The beginning of a line at a depth of a tree: `width` spaces for each level. Beyond some levels the
/// indentation stays, and the depth stands there in brackets, so that also a very deep tree is text of a
/// reasonable size.
[[nodiscard]] inline std::string indentation(std::size_t depth, std::size_t width) {
    constexpr std::size_t widest = 60;
    const std::size_t most = widest / width;
    std::string text(std::min(depth, most) * width, ' ');
    if (depth > most) text += "[" + std::to_string(depth) + "] ";
    return text;
}

/// A line for a task or future: what it does, or that it stands elsewhere.
[[nodiscard]] inline std::string describe_marked(const FutureSnapshot& snapshot, CallGraphMark mark) {
    switch (mark) {
    case CallGraphMark::whole: break;
    case CallGraphMark::seen_before: return snapshot.label() + " (shown above)";
    case CallGraphMark::cycle: return snapshot.label() + " (shown above: they wait for each other)";
    }
    return describe(snapshot);
}

} // namespace aio::detail
