#include <utility>

#include <aio/debug/call_graph.hpp>
#include <aio/debug/tree_text_private.hpp>

namespace aio {

std::string format_call_graph(const FutureCallGraph& graph) {
    std::string text;
    std::vector<std::pair<const FutureCallGraph*, std::size_t>> open{{&graph, 0}};
    while (!open.empty()) {
        const auto [at, depth] = open.back();
        open.pop_back();
        const std::string begin = detail::indentation(depth, 5);
        text.append(begin).append("* ").append(detail::describe_marked(*at, at->mark)).append("\n");
        if (!at->call_stack.empty()) text.append(begin).append("  + Call stack:\n");
        for (const FrameCallGraphEntry& frame : at->call_stack)
            text.append(begin).append("  |   ").append(describe(frame)).append("\n");
        if (!at->awaited_by.empty()) text.append(begin).append("  + Awaited by:\n");
        for (auto waiter = at->awaited_by.rbegin(); waiter != at->awaited_by.rend(); ++waiter)
            open.emplace_back(&*waiter, depth + 1);
    }
    return text;
}

std::string format_call_graph(const AnyFuture& future, const CallGraphOptions& options) {
    return format_call_graph(capture_call_graph(future, options));
}

std::string format_call_graph(const CallGraphOptions& options) {
    const std::optional<FutureCallGraph> graph = capture_call_graph(options);
    return graph ? format_call_graph(*graph) : std::string();
}

void print_call_graph(const AnyFuture& future, std::FILE* file, const CallGraphOptions& options) {
    static_cast<void>(std::fputs(format_call_graph(future, options).c_str(), file));
}

void print_call_graph(std::FILE* file, const CallGraphOptions& options) {
    static_cast<void>(std::fputs(format_call_graph(options).c_str(), file));
}

} // namespace aio
