#include <aio/io/process_pipes_private.hpp>

#include <cstddef>
#include <exception>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/core/task.hpp>
#include <aio/structure/exception_group.hpp>
#include <aio/structure/task_group.hpp>

namespace aio::detail {
namespace {

Coro<> feed(PipeStream& stream, std::string input) {
    try {
        co_await stream.write_all(std::as_bytes(std::span(input)));
    } catch (const std::system_error& error) {
        // A process may end, or close its input, without having read it.
        if (error.code() != std::errc::broken_pipe && error.code() != std::errc::connection_reset) throw;
    }
    stream.close();
}

Coro<> drain(PipeStream& stream, std::string& text) {
    std::vector<std::byte> memory(64 * 1024);
    while (const std::size_t count = co_await stream.read_some(memory))
        text.append(reinterpret_cast<const char*>(memory.data()), count);
    stream.close();
}

/// The pipe for one of a process's standard streams, if there is one and it is open.
PipeStream* open_pipe_of(ProcessState& process, int number) noexcept {
    std::optional<PipeStream>& stream = process.stream(number);
    return stream && stream->is_open() ? &*stream : nullptr;
}

} // namespace

Coro<ProcessTexts> exchange(Ref<ProcessState> first, Ref<ProcessState> last, std::string input) {
    first->check_owned();
    last->check_owned();
    PipeStream* const in = open_pipe_of(*first, 0);
    if (in == nullptr && !input.empty())
        throw ValueError(first->stream(0) ? "communicate: " + first->stream_name(0) + " is closed already"
                                          : "communicate: there is no pipe for " + first->stream_name(0));
    ProcessTexts texts;
    if (last->stream(1)) texts.output.emplace();
    if (last->stream(2)) texts.errors.emplace();
    std::vector<Task<>> parts;
    // None of them outlives this, whatever becomes of the others: they write to what is here.
    const auto all = [&](TaskGroup& group) -> Coro<> {
        if (in != nullptr) parts.push_back(group.create_task(feed(*in, std::move(input))));
        if (PipeStream* const out = open_pipe_of(*last, 1))
            parts.push_back(group.create_task(drain(*out, *texts.output)));
        if (PipeStream* const err = open_pipe_of(*last, 2))
            parts.push_back(group.create_task(drain(*err, *texts.errors)));
        co_return;
    };
    try {
        co_await with_task_group(all);
    } catch (const ExceptionGroup& group) {
        // Its pipes have been closed then.
        first->check_owned();
        last->check_owned();
        std::rethrow_exception(group.exceptions().front());
    }
    // Somebody may have cancelled one of them alone: that is no text that is whole.
    for (Task<>& part : parts) co_await part;
    co_return texts;
}

} // namespace aio::detail
