#include <aio/workers/worker_launcher.hpp>

#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

#include <aio/uv/poll.hpp>
#include <aio/workers/descriptors_posix.hpp>
#include <aio/workers/zygote_client_posix.hpp>
#include <aio/workers/zygote_reserve_posix.hpp>

namespace aio {

WorkerExit WorkerExit::killed() {
    WorkerExit exit;
    exit.signal = SIGKILL;
    return exit;
}

std::string WorkerExit::description() const {
    if (signal != 0) return "was killed by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
    return "exited with code " + std::to_string(code);
}

namespace detail {

class WorkerLauncher::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(uv::Loop& loop, LauncherListener& listener)
        : listener_(listener), zygote_(ZygoteReserve::instance().take()) {
        poll_.emplace(loop, zygote_->descriptor(), uv::bind_poll<&Impl::on_ready>(*this));
        watch();
    }

    /// The launcher is gone.
    void close() {
        poll_.reset();
        // One that has never answered may be stuck, and one with requests left would carry them out for the
        // next pool.
        if (!closed_ && answered_ && !zygote_->has_queued())
            ZygoteReserve::instance().give_back(std::move(zygote_));
        closed_ = true;
        zygote_.reset();
    }

    WorkerPipes launch(std::uint64_t id, std::size_t max_payload) {
        detail::PipeEnds tasks = make_pipe();
        detail::PipeEnds results = make_pipe();
        auto [our_buffers, its_buffers] = make_socket_pair();
        zygote_->request_worker(id, std::move(tasks.read_end), std::move(results.write_end), max_payload,
                                std::move(its_buffers));
        watch();
        return WorkerPipes(uv::Descriptor(tasks.write_end.release()),
                           uv::Descriptor(results.read_end.release()), uv::Descriptor(our_buffers.release()));
    }

    void kill(int pid) {
        if (closed_) return;
        zygote_->request_signal(pid, SIGKILL);
        watch();
    }

private:
    void watch() {
        if (closed_) return;
        const auto writable = zygote_->has_queued() ? uv::PollEvents::writable : uv::PollEvents::none;
        poll_->start(uv::PollEvents::readable | writable);
    }

    void on_ready(int, uv::PollEvents) {
        const auto keep = shared_from_this();
        zygote_->flush();
        for (ZygoteEvent& event : zygote_->read_events()) {
            answered_ = true;
            std::visit([this](auto& e) { handle(e); }, event);
            // The listener may have done away with this launcher.
            if (closed_) return;
        }
        watch();
    }

    void handle(const ZygoteReady&) {}
    void handle(const WorkerStarted& event) {
        const std::string error =
            event.pid >= 0 ? std::string() : std::generic_category().message(event.error);
        listener_.worker_started(event.request_id, event.pid, error);
    }
    void handle(const WorkerExited& event) {
        WorkerExit exit;
        if (WIFSIGNALED(event.status)) exit.signal = WTERMSIG(event.status);
        if (WIFEXITED(event.status)) exit.code = WEXITSTATUS(event.status);
        exit.user_time = event.user_time;
        exit.system_time = event.system_time;
        exit.max_resident_bytes = event.max_resident_bytes;
        listener_.worker_exited(event.pid, exit);
    }
    void handle(const ZygoteClosed& event) {
        closed_ = true;
        poll_.reset();
        listener_.launcher_closed(event.reason);
    }

    LauncherListener& listener_;
    std::unique_ptr<ZygoteClient> zygote_;
    std::optional<uv::Poll> poll_;
    /// The zygote has shown that it serves.
    bool answered_ = false;
    bool closed_ = false;
};

WorkerLauncher::WorkerLauncher(uv::Loop& loop, LauncherListener& listener)
    : impl_(std::make_shared<Impl>(loop, listener)) {}

WorkerLauncher::~WorkerLauncher() { impl_->close(); }

WorkerPipes WorkerLauncher::launch(std::uint64_t id, std::size_t max_payload) {
    return impl_->launch(id, max_payload);
}

void WorkerLauncher::kill(int pid) { impl_->kill(pid); }

std::size_t WorkerLauncher::unread(int descriptor) noexcept {
    int count = 0;
    return ::ioctl(descriptor, FIONREAD, &count) == 0 && count > 0 ? static_cast<std::size_t>(count) : 0;
}

void WorkerLauncher::drain(int descriptor, const std::function<void(std::span<const std::byte>)>& data) {
    std::array<std::byte, 64 * 1024> buffer;
    for (;;) {
        const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
        if (count > 0)
            data(std::span(buffer).first(static_cast<std::size_t>(count)));
        else if (count == 0 || errno != EINTR)
            return;
    }
}

} // namespace detail
} // namespace aio
