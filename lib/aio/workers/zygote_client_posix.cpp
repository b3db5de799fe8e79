#include <aio/workers/zygote_client_posix.hpp>

#include <aio/core/errors.hpp>

#include <sys/wait.h>

#include <utility>

namespace aio {

using detail::ControlMessage;
using detail::ControlRecord;
using detail::RecordKind;

ZygoteClient::ZygoteClient(ZygoteProcess process)
    : process_(std::move(process)), control_(process_.take_control()) {}

void ZygoteClient::request_worker(std::uint64_t request_id, uv::Descriptor task_read_end,
                                  uv::Descriptor result_write_end, std::size_t max_payload) {
    request_worker(detail::WorkerRequest(request_id, max_payload),
                   detail::WorkerEnds(std::move(task_read_end), std::move(result_write_end)));
}

void ZygoteClient::request_worker(const detail::WorkerRequest& request, detail::WorkerEnds ends) {
    if (request.max_payload() < smallest_max_payload) {
        throw ValueError("max_payload must be at least " + std::to_string(smallest_max_payload) +
                         " bytes, not " + std::to_string(request.max_payload()));
    }
    ControlRecord record;
    record.kind = RecordKind::fork;
    record.request_id = request.id();
    record.max_payload = request.max_payload();
    record.status = (request.initializes() ? detail::worker_initializes : 0) |
                    (request.spawns() ? detail::worker_spawns : 0);
    std::vector<uv::Descriptor> descriptors;
    descriptors.push_back(std::move(ends.tasks));
    descriptors.push_back(std::move(ends.results));
    if (ends.buffers.valid()) {
        record.status |= detail::worker_shares;
        descriptors.push_back(std::move(ends.buffers));
    }
    if (ends.output.valid() && ends.errors.valid()) {
        record.status |= detail::worker_captures;
        descriptors.push_back(std::move(ends.output));
        descriptors.push_back(std::move(ends.errors));
    }
    if (ends.marks.valid()) {
        record.status |= detail::worker_marks;
        descriptors.push_back(std::move(ends.marks));
    }
    control_.send(record, std::move(descriptors));
}

void ZygoteClient::request_signal(int pid, int signal) {
    ControlRecord record;
    record.kind = RecordKind::kill;
    record.pid = pid;
    record.status = signal;
    control_.send(record);
}

std::vector<ZygoteEvent> ZygoteClient::read_events() {
    std::vector<ZygoteEvent> events;
    if (closed_) {
        return events;
    }
    std::vector<ControlMessage> messages;
    const bool open = control_.receive(messages);
    for (ControlMessage& message : messages) {
        add_event(message, events);
    }
    if (!open) {
        closed_ = true;
        events.emplace_back(ZygoteClosed{closing_reason()});
    }
    return events;
}

void ZygoteClient::add_event(ControlMessage& message, std::vector<ZygoteEvent>& events) {
    const ControlRecord& record = message.record;
    switch (record.kind) {
    case RecordKind::ready: events.emplace_back(ZygoteReady{static_cast<int>(record.pid)}); break;
    case RecordKind::refused:
        refusal_ = "the program had started " + std::to_string(record.status - 1) +
                   " threads before it came to serve as zygote; call aio::serve_if_zygote() earlier in main";
        break;
    case RecordKind::started: {
        uv::Descriptor pidfd =
            message.descriptors.empty() ? uv::Descriptor() : std::move(message.descriptors.front());
        events.emplace_back(
            WorkerStarted{record.request_id, static_cast<int>(record.pid), record.error, std::move(pidfd)});
        break;
    }
    case RecordKind::exited:
        events.emplace_back(WorkerExited{static_cast<int>(record.pid), record.status,
                                         std::chrono::microseconds(record.user_microseconds),
                                         std::chrono::microseconds(record.system_microseconds),
                                         static_cast<std::uint64_t>(record.max_resident_bytes)});
        break;
    default: break;
    }
}

std::string ZygoteClient::closing_reason() {
    if (!refusal_.empty()) {
        return refusal_;
    }
    const std::optional<int> status = process_.exit_status();
    if (!status) {
        return "the zygote process closed its socket";
    }
    if (WIFSIGNALED(*status)) {
        return "the zygote process was ended by signal " + std::to_string(WTERMSIG(*status));
    }
    return "the zygote process left with exit code " + std::to_string(WEXITSTATUS(*status));
}

} // namespace aio
