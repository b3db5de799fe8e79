#include <aio/workers/zygote_server_posix.hpp>

#include <aio/workers/child_signal_posix.hpp>
#include <aio/workers/control_socket_posix.hpp>
#include <aio/workers/descriptors_posix.hpp>
#include <aio/workers/process_setup_posix.hpp>
#include <aio/workers/worker_main_posix.hpp>
#include <aio/workers/worker_spawn_posix.hpp>

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <unordered_set>

namespace aio::detail {

namespace {

std::int64_t microseconds(const timeval& time) noexcept {
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + time.tv_usec;
}

std::int64_t resident_bytes(const rusage& usage) noexcept {
#ifdef __APPLE__
    return usage.ru_maxrss;
#else
    return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
#endif
}

/// To the process group, so that what the worker has started gets it too.
void signal_worker(pid_t pid, int signal) noexcept {
    if (::kill(-pid, signal) < 0) {
        ::kill(pid, signal);
    }
}

class ZygoteServer {
public:
    ZygoteServer(uv::Descriptor control, int last_inherited)
        : control_(std::move(control)), program_(open_pidfd(getppid())), last_inherited_(last_inherited) {}

    void serve();

private:
    bool introduce();
    void handle(ControlMessage& message);
    void start_worker(ControlMessage& message);
    void reap();
    void kill_all() noexcept;

    ControlSocket control_;
    ChildSignal child_signal_;
    uv::Descriptor program_;   ///< readable when the program has ended; none where the system has no pidfds
    const int last_inherited_; ///< up to this number descriptors belong to libraries
    std::unordered_set<pid_t> workers_;
};

/// False when this process cannot be forked safely.
bool ZygoteServer::introduce() {
    ControlRecord record;
    record.pid = getpid();
    const std::size_t threads = count_threads();
    if (threads > forkable_threads()) {
        record.kind = RecordKind::refused;
        record.status = static_cast<std::int32_t>(threads);
    }
    control_.send(record);
    return record.kind == RecordKind::ready;
}

void ZygoteServer::serve() {
    if (!introduce()) {
        return;
    }
    std::vector<ControlMessage> messages;
    for (bool open = true; open;) {
        const short wanted = control_.has_queued() ? POLLIN | POLLOUT : POLLIN;
        std::array<pollfd, 3> polled{{{control_.descriptor(), wanted, 0},
                                      {child_signal_.descriptor(), POLLIN, 0},
                                      {program_.get(), POLLIN, 0}}};
        if (::poll(polled.data(), polled.size(), -1) < 0) {
            continue;
        }
        if (polled[1].revents != 0) {
            reap();
        }
        // A child that the program has forked and not exec'ed may hold the socket open beyond the program's
        // end.
        open = polled[2].revents == 0;
        if (polled[0].revents != 0) {
            control_.flush();
            messages.clear();
            open = control_.receive(messages) && open;
            for (ControlMessage& message : messages) {
                handle(message);
            }
        }
    }
    kill_all();
}

void ZygoteServer::handle(ControlMessage& message) {
    if (message.record.kind == RecordKind::fork) {
        start_worker(message);
    } else if (message.record.kind == RecordKind::kill) {
        const auto pid = static_cast<pid_t>(message.record.pid);
        if (workers_.contains(pid)) {
            signal_worker(pid, message.record.status);
        }
    }
}

void ZygoteServer::start_worker(ControlMessage& message) {
    ControlRecord reply;
    reply.kind = RecordKind::started;
    reply.request_id = message.record.request_id;
    reply.pid = -1;
    std::vector<uv::Descriptor> attached;
    const bool shares = (message.record.status & worker_shares) != 0;
    const bool captures = (message.record.status & worker_captures) != 0;
    const bool marks = (message.record.status & worker_marks) != 0;
    if (message.descriptors.size() != 2U + (shares ? 1 : 0) + (captures ? 2 : 0) + (marks ? 1 : 0)) {
        reply.error = EMFILE;
        control_.send(reply);
        return;
    }
    const pid_t zygote = getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        auto next = message.descriptors.begin() + 2;
        WorkerSetup setup(message.record.request_id, std::move(message.descriptors[0]),
                          std::move(message.descriptors[1]), zygote,
                          static_cast<std::size_t>(message.record.max_payload), last_inherited_);
        setup.initializes = (message.record.status & worker_initializes) != 0;
        if (shares) setup.buffers = std::move(*next++);
        if (captures) {
            setup.output = std::move(*next++);
            setup.errors = std::move(*next++);
        }
        if (marks) setup.marks = std::move(*next++);
        if ((message.record.status & worker_spawns) != 0) execute_worker(std::move(setup));
        run_worker(std::move(setup));
    }
    if (pid < 0) {
        reply.error = errno;
    } else {
        reply.pid = pid;
        workers_.insert(pid);
        setpgid(pid, pid);
        // Not reaped yet, so the number still means this child.
        if (uv::Descriptor pidfd = open_pidfd(pid); pidfd.valid()) {
            attached.push_back(std::move(pidfd));
        }
    }
    // The worker alone may hold its pipe ends: whoever else did would keep the pool from seeing that it has
    // ended.
    message.descriptors.clear();
    control_.send(reply, std::move(attached));
}

void ZygoteServer::reap() {
    child_signal_.clear();
    for (;;) {
        int status = 0;
        rusage usage{};
        const pid_t pid = wait4(-1, &status, WNOHANG, &usage);
        if (pid < 0 && errno == EINTR) {
            continue;
        }
        if (pid <= 0) {
            return;
        }
        if (workers_.erase(pid) == 0) {
            continue;
        }
        ControlRecord record;
        record.kind = RecordKind::exited;
        record.pid = pid;
        record.status = status;
        record.user_microseconds = microseconds(usage.ru_utime);
        record.system_microseconds = microseconds(usage.ru_stime);
        record.max_resident_bytes = resident_bytes(usage);
        control_.send(record);
    }
}

/// Also collects them, so that the zygote is gone only when they are, and leaves no zombies to whoever
/// inherits them.
void ZygoteServer::kill_all() noexcept {
    for (const pid_t pid : workers_) {
        signal_worker(pid, SIGKILL);
    }
    for (const pid_t pid : workers_) {
        while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
}

} // namespace

void run_zygote(uv::Descriptor control) noexcept {
    block_all_signals();
    reset_signal_handlers();
    const int last_inherited = occupy_inherited(control);
    const std::array<int, 1> keep{control.get()};
    close_all_above(last_inherited, keep);
    uv::open_standard_descriptors();
    set_process_name("aio-zygote");
    ZygoteServer(std::move(control), last_inherited).serve();
    _exit(0);
}

} // namespace aio::detail
