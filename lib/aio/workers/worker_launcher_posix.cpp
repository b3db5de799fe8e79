#include <aio/workers/worker_launcher.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/uv/pipe.hpp>
#include <aio/uv/poll.hpp>
#include <aio/workers/descriptors_posix.hpp>
#include <aio/workers/process_setup_posix.hpp>
#include <aio/workers/zygote_client_posix.hpp>
#include <aio/workers/zygote_posix.hpp>
#include <aio/workers/zygote_reserve_posix.hpp>

namespace aio {

WorkerExit WorkerExit::killed() {
    WorkerExit exit;
    exit.signal = SIGKILL;
    return exit;
}

bool WorkerExit::exceeded_time() const noexcept { return signal == SIGXCPU; }

std::string WorkerExit::description() const {
    if (signal != 0) return "was killed by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
    return "exited with code " + std::to_string(code);
}

namespace detail {
namespace {

/// What a call has written before that is dropped.
constexpr std::size_t most_text = std::size_t{1} << 20;

} // namespace

class WorkerLauncher::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(uv::Loop& loop, LauncherListener& listener, StartMethod method)
        : listener_(listener), method_(method), zygote_(make_zygote(method)) {
        poll_.emplace(loop, zygote_->descriptor(), uv::bind_poll<&Impl::on_ready>(*this));
        watch();
    }

    /// The launcher is gone.
    void close() {
        poll_.reset();
        // One that has never answered may be stuck, and one with requests left would carry them out for the
        // next pool.
        if (!closed_ && answered_ && method_ != StartMethod::fork && !zygote_->has_queued())
            ZygoteReserve::instance().give_back(std::move(zygote_));
        closed_ = true;
        zygote_.reset();
    }

    WorkerPipes launch(const WorkerRequest& request) {
        uv::PipeEnds tasks = uv::make_pipe();
        uv::PipeEnds results = uv::make_pipe();
        auto [our_buffers, its_buffers] = uv::make_socket_pair();
        WorkerPipes ours(std::move(tasks.write), std::move(results.read), std::move(our_buffers));
        WorkerEnds theirs(std::move(tasks.read), std::move(results.write));
        theirs.buffers = std::move(its_buffers);
        ours.marks = std::make_shared<CallMarks>();
        theirs.marks = ours.marks->take_descriptor();
        if (request.captures()) {
            theirs.output = make_text_file();
            ours.output = uv::duplicate(theirs.output);
            theirs.errors = make_text_file();
            ours.errors = uv::duplicate(theirs.errors);
        }
        zygote_->request_worker(request, std::move(theirs));
        watch();
        return ours;
    }

    void signal(int pid, int number) {
        if (closed_) return;
        zygote_->request_signal(pid, number);
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

    /// One that is forked now is this pool's alone: others would not expect its memory.
    static std::unique_ptr<ZygoteClient> make_zygote(StartMethod method) {
        if (method != StartMethod::fork) return ZygoteReserve::instance().take();
        return std::make_unique<ZygoteClient>(start_zygote_by_fork());
    }

    LauncherListener& listener_;
    const StartMethod method_;
    std::unique_ptr<ZygoteClient> zygote_;
    std::optional<uv::Poll> poll_;
    /// The zygote has shown that it serves.
    bool answered_ = false;
    bool closed_ = false;
};

void WorkerLauncher::require(StartMethod method) {
    const std::size_t threads = method == StartMethod::fork ? count_threads() : 0;
    if (threads > forkable_threads())
        throw RuntimeError(
            "workers cannot be forked from this process, which has " + std::to_string(threads) +
            " threads: a copy would inherit their locks; make the pool before they are started, "
            "or use StartMethod::zygote or StartMethod::spawn");
}

WorkerLauncher::WorkerLauncher(uv::Loop& loop, LauncherListener& listener, StartMethod method)
    : impl_(std::make_shared<Impl>(loop, listener, method)) {}

WorkerLauncher::~WorkerLauncher() { impl_->close(); }

WorkerPipes WorkerLauncher::launch(const WorkerRequest& request) { return impl_->launch(request); }

void WorkerLauncher::kill(int pid) { impl_->signal(pid, SIGKILL); }

void WorkerLauncher::terminate(int pid) {
    impl_->signal(pid, SIGTERM);
    resume(pid);
}

void WorkerLauncher::resume(int pid) { impl_->signal(pid, SIGCONT); }

std::string WorkerLauncher::take_text(int descriptor) {
    std::string text;
    struct stat status{};
    if (descriptor < 0 || ::fstat(descriptor, &status) != 0 || status.st_size <= 0) return text;
    const auto size = static_cast<std::size_t>(status.st_size);
    text.resize(std::min(size, most_text));
    const ssize_t count =
        ::pread(descriptor, text.data(), text.size(), static_cast<off_t>(size - text.size()));
    text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    // The worker appends, so it goes on at the start.
    static_cast<void>(!::ftruncate(descriptor, 0));
    return text;
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
