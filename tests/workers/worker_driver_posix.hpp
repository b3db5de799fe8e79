#pragma once
// A blocking pool of nothing: drives zygote and workers by hand, without an event loop. Every wait is
// bounded.

#include <aio/uv/pipe.hpp>
#include <aio/workers/descriptors_posix.hpp>
#include <aio/workers/frame.hpp>
#include <aio/workers/remote_call.hpp>
#include <aio/workers/remote_error.hpp>
#include <aio/workers/zygote_client_posix.hpp>
#include <aio/workers/zygote_posix.hpp>

#include <poll.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <stdexcept>
#include <string>
#include <utility>

namespace driver {

inline constexpr int patience_milliseconds = 20000;

/// True when `fd` has become readable, or has reached its end, in time.
inline bool wait_readable(int fd) {
    pollfd polled{fd, POLLIN, 0};
    int result = 0;
    do {
        result = ::poll(&polled, 1, patience_milliseconds);
    } while (result < 0 && errno == EINTR);
    return result == 1;
}

/// A ZygoteClient and the events it has had so far.
class Zygote {
public:
    explicit Zygote(aio::ZygoteProcess process) : client(std::move(process)) {}

    /// The first event of type Event that `matches` accepts; takes it out, and keeps the others for later.
    template <class Event, class Matches>
    Event wait(Matches matches) {
        for (;;) {
            for (auto at = events_.begin(); at != events_.end(); ++at) {
                Event* event = std::get_if<Event>(&*at);
                if (event != nullptr && matches(*event)) {
                    Event result = std::move(*event);
                    events_.erase(at);
                    return result;
                }
            }
            if (!wait_readable(client.descriptor())) {
                throw std::runtime_error("the zygote did not report in time");
            }
            for (aio::ZygoteEvent& event : client.read_events()) {
                events_.push_back(std::move(event));
            }
        }
    }

    template <class Event>
    Event wait() {
        return wait<Event>([](const Event&) { return true; });
    }

    aio::WorkerExited wait_exit(int pid) {
        return wait<aio::WorkerExited>([pid](const aio::WorkerExited& event) { return event.pid == pid; });
    }

    aio::ZygoteClient client;

private:
    std::deque<aio::ZygoteEvent> events_;
};

/// One frame, with a payload of its own.
struct Frame {
    aio::FrameType type = aio::FrameType::hello;
    std::uint64_t task_id = 0;
    std::vector<std::byte> payload;
};

/// Starts a worker and talks to it through its pipes.
class Worker {
public:
    explicit Worker(Zygote& zygote, std::uint64_t request_id = 1,
                    std::size_t max_payload = aio::default_max_payload)
        : tasks_(aio::uv::make_pipe()), results_(aio::uv::make_pipe()) {
        zygote.client.request_worker(request_id, std::move(tasks_.read), std::move(results_.write),
                                     max_payload);
        started = zygote.wait<aio::WorkerStarted>(
            [request_id](const aio::WorkerStarted& event) { return event.request_id == request_id; });
        if (started.pid < 0) {
            throw std::system_error(started.error, std::generic_category(), "worker not started");
        }
        hello = read_frame();
        ready = read_frame();
    }

    /// The next frame; throws when the pipe ends.
    Frame read_frame() {
        for (;;) {
            if (const auto frame = parser_.next()) {
                return {frame->type(), frame->task_id(), {frame->payload().begin(), frame->payload().end()}};
            }
            if (!wait_readable(results_.read.get())) {
                throw std::runtime_error("the worker did not answer in time");
            }
            std::array<std::byte, 65536> buffer;
            const ssize_t received = ::read(results_.read.get(), buffer.data(), buffer.size());
            if (received <= 0) {
                throw std::runtime_error("the worker has closed its pipe");
            }
            parser_.feed(std::span(buffer).first(static_cast<std::size_t>(received)));
        }
    }

    bool send_bytes(std::span<const std::byte> bytes) {
        return aio::detail::write_all(tasks_.write.get(), bytes);
    }

    void send(aio::FrameType type, std::uint64_t id, std::span<const std::byte> payload = {}) {
        aio::ByteWriter out;
        aio::append_frame(out, type, id, payload);
        if (!send_bytes(out.bytes())) {
            throw std::system_error(errno, std::generic_category(), "task pipe");
        }
    }

    template <class F, class... Args>
    void begin(const F& f, const Args&... args) {
        aio::ByteWriter payload;
        aio::encode_call(payload, f, args...);
        send(aio::FrameType::task, ++last_id_, payload.bytes());
    }

    template <class F, class... Args>
    aio::call_result_t<F, Args...> call(const F& f, const Args&... args) {
        begin(f, args...);
        const Frame frame = read_frame();
        if (frame.task_id != last_id_) {
            throw std::runtime_error("answer to another task");
        }
        if (frame.type == aio::FrameType::error) {
            aio::ByteReader in(frame.payload);
            std::rethrow_exception(aio::decode_exception(in, started.pid));
        }
        return aio::decode_result<aio::call_result_t<F, Args...>>(frame.payload);
    }

    void close_tasks() { tasks_.write.close(); }
    [[nodiscard]] int pid() const { return started.pid; }

    aio::WorkerStarted started;
    Frame hello;
    Frame ready;

private:
    aio::uv::PipeEnds tasks_;
    aio::uv::PipeEnds results_;
    aio::FrameParser parser_;
    std::uint64_t last_id_ = 100;
};

} // namespace driver
