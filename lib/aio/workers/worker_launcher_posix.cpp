#include <aio/workers/worker_launcher.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
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

class WorkerLauncher::Impl {
public:
    Impl(uv::Loop& loop, LauncherListener& listener)
        : listener_(listener), zygote_(ZygoteReserve::instance().take()),
          poll_(loop, zygote_->descriptor(), uv::bind_poll<&Impl::on_ready>(*this)) {
        watch();
    }

    ~Impl() {
        poll_.stop();
        if (!closed_) ZygoteReserve::instance().give_back(std::move(zygote_));
    }

    WorkerPipes launch(std::uint64_t id, std::size_t max_payload) {
        detail::PipeEnds tasks = make_pipe();
        detail::PipeEnds results = make_pipe();
        zygote_->request_worker(id, std::move(tasks.read_end), std::move(results.write_end), max_payload);
        watch();
        return WorkerPipes(uv::Descriptor(tasks.write_end.release()), uv::Descriptor(results.read_end.release()));
    }

    void kill(int pid) {
        zygote_->request_signal(pid, SIGKILL);
        watch();
    }

private:
    void watch() {
        const auto writable = zygote_->has_queued() ? uv::PollEvents::writable : uv::PollEvents::none;
        poll_.start(uv::PollEvents::readable | writable);
    }

    void on_ready(int, uv::PollEvents) {
        zygote_->flush();
        for (ZygoteEvent& event : zygote_->read_events()) {
            std::visit([this](auto& e) { handle(e); }, event);
            // The listener may have done away with this launcher.
            if (closed_) return;
        }
        watch();
    }

    void handle(const ZygoteReady&) {}
    void handle(const WorkerStarted& event) {
        const std::string error = event.pid >= 0 ? std::string() : std::generic_category().message(event.error);
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
        poll_.stop();
        listener_.launcher_closed(event.reason);
    }

    LauncherListener& listener_;
    std::unique_ptr<ZygoteClient> zygote_;
    uv::Poll poll_;
    bool closed_ = false;
};

WorkerLauncher::WorkerLauncher(uv::Loop& loop, LauncherListener& listener) : impl_(std::make_unique<Impl>(loop, listener)) {}

WorkerLauncher::~WorkerLauncher() = default;

WorkerPipes WorkerLauncher::launch(std::uint64_t id, std::size_t max_payload) { return impl_->launch(id, max_payload); }

void WorkerLauncher::kill(int pid) { impl_->kill(pid); }

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
