#include <aio/io/pipeline.hpp>

#include <aio/core/event_loop.hpp>
#include <aio/io/process_pipes_private.hpp>
#include <aio/uv/pipe.hpp>

namespace aio {

namespace {

Coro<std::vector<int>> returncodes_of(std::vector<detail::ProcessWaitOperation> ends) {
    std::vector<int> returncodes;
    for (const detail::ProcessWaitOperation& end : ends) {
        const int returncode = co_await end;
        returncodes.push_back(returncode);
    }
    co_return returncodes;
}

} // namespace

// These take what belongs to the processes, not to this object, which may be moved meanwhile.

std::vector<detail::ProcessWaitOperation> Pipeline::ends() {
    std::vector<detail::ProcessWaitOperation> ends;
    for (Process& process : processes_) ends.push_back(process.wait());
    return ends;
}

Coro<std::vector<int>> Pipeline::wait() { return returncodes_of(ends()); }

Coro<PipelineOutput> Pipeline::communicate(std::string input) {
    return [](detail::Ref<detail::ProcessState> first, detail::Ref<detail::ProcessState> last,
              std::string text, std::vector<detail::ProcessWaitOperation> ends)
               -> Coro<PipelineOutput> {
        detail::ProcessTexts texts = co_await detail::exchange(first, last, std::move(text));
        std::vector<int> returncodes = co_await returncodes_of(std::move(ends));
        co_return PipelineOutput(std::move(returncodes), std::move(texts.output));
    }(detail::Ref<detail::ProcessState>(&processes_.front().state()),
               detail::Ref<detail::ProcessState>(&processes_.back().state()), std::move(input), ends());
}

void Pipeline::kill() {
    for (Process& process : processes_)
        if (!process.returncode()) process.kill();
}

Coro<Pipeline> create_pipeline(SubprocessOptions options, std::vector<Command> commands) {
    if (commands.empty()) throw ValueError("create_pipeline: no commands");
    if (options.stderr_to().kind() == Redirect::Kind::pipe)
        throw ValueError("create_pipeline: errors to a pipe: each program would need one of its own");
    const Redirect last = options.stdout_to();
    std::vector<Process> processes;
    // What the one before writes.
    uv::Descriptor between;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        uv::Descriptor next;
        uv::Descriptor out;
        if (between.valid()) options.stdin_from(Redirect::descriptor(between.get()));
        options.stdout_to(last);
        if (i + 1 < commands.size()) {
            uv::PipeEnds ends = uv::make_pipe_to_child(uv::PipeToChild::between_children);
            next = std::move(ends.read);
            out = std::move(ends.write);
            options.stdout_to(Redirect::descriptor(out.get()));
        }
        processes.emplace_back(get_running_loop(), commands[i].arguments(), options);
        between = std::move(next);
    }
    co_return Pipeline(std::move(processes));
}

} // namespace aio
