#include <aio/debug/task_table.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <unordered_set>

#include <aio/debug/await_walk_private.hpp>

namespace aio {
namespace {

std::vector<std::string> awaiting_tasks(detail::FutureState& future) {
    std::vector<std::string> names;
    std::vector<detail::FutureState*> open = detail::waiters_of(future);
    std::unordered_set<detail::FutureState*> seen(open.begin(), open.end());
    for (std::size_t i = 0; i < open.size(); ++i) {
        detail::FutureState& waiter = *open[i];
        if (const detail::TaskState* const task = waiter.as_task()) {
            names.push_back(task->name());
            continue;
        }
        const std::vector<detail::FutureState*> further = detail::waiters_of(waiter);
        if (further.empty()) names.emplace_back(waiter.kind());
        for (detail::FutureState* const one : further)
            if (seen.insert(one).second) open.push_back(one);
    }
    return names;
}

constexpr std::size_t columns = 4;
using Line = std::array<std::string, columns>;

std::string cut(std::string cell) {
    constexpr std::size_t widest = 40;
    if (cell.size() > widest) cell.replace(widest - 3, std::string::npos, "...");
    return cell;
}

std::string state_of(const TaskTableRow& row) {
    // What `describe` says, without the name.
    return describe(row).substr(row.label().size() + 1);
}

std::string place_of(const TaskTableRow& row) {
    if (row.call_stack.empty()) return "";
    const FrameCallGraphEntry& frame = row.call_stack.front();
    const std::string_view file = frame.file.substr(frame.file.find_last_of("/\\") + 1);
    return cut(std::string(frame.function)) + " " + std::string(file) + ":" + std::to_string(frame.line);
}

Line line_of(const TaskTableRow& row) {
    std::string waiters;
    for (const std::string& name : row.awaited_by) {
        // What is cut off need not be made: there may be very many.
        if (waiters.size() > 100) break;
        waiters += (waiters.empty() ? "" : ", ") + name;
    }
    return {cut(row.name), cut(state_of(row)), place_of(row), cut(waiters)};
}

} // namespace

std::vector<TaskTableRow> task_table(const EventLoop& loop, const CallGraphOptions& options) {
    std::vector<TaskTableRow> table;
    const detail::LoopState& state = loop.state();
    table.reserve(state.task_count);
    state.tasks.for_each([&](detail::TaskState& task) {
        const std::size_t skip = state.current_task == &task ? options.depth() : 0;
        TaskTableRow& row = table.emplace_back(detail::take_snapshot(task.future(), options.limit(), skip));
        row.awaited_by = awaiting_tasks(task.future());
    });
    return table;
}

std::vector<TaskTableRow> task_table(const CallGraphOptions& options) {
    return task_table(get_running_loop(), options);
}

std::string format_task_table(const std::vector<TaskTableRow>& table) {
    std::vector<Line> lines{Line{"task", "state", "at", "awaited by"}};
    for (const TaskTableRow& row : table) lines.push_back(line_of(row));
    std::array<std::size_t, columns> widths{};
    for (const Line& line : lines)
        for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], line[i].size());
    std::string text;
    for (const Line& line : lines) {
        std::string padded;
        for (std::size_t i = 0; i < columns; ++i)
            padded.append(line[i]).append(widths[i] - line[i].size() + 2, ' ');
        text.append(padded, 0, padded.find_last_not_of(' ') + 1).append("\n");
    }
    return text;
}

} // namespace aio
