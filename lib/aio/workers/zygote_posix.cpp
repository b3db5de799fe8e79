#include <aio/workers/zygote_posix.hpp>

#include <aio/core/errors.hpp>
#include <aio/uv/pipe.hpp>
#include <aio/workers/control_socket_posix.hpp>
#include <aio/workers/descriptors_posix.hpp>
#include <aio/workers/process_setup_posix.hpp>
#include <aio/workers/program_image_posix.hpp>
#include <aio/workers/worker_spawn_posix.hpp>
#include <aio/workers/zygote_server_posix.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace aio {

namespace {

constexpr const char* marker_name = "AIO_ZYGOTE";

[[noreturn]] void throw_error(int error, const char* what) {
    throw std::system_error(error, std::generic_category(), what);
}

std::uint64_t make_nonce() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

/// How posix_spawn is to set up the child: our socket under the number `target`, signals as for a fresh
/// program.
class SpawnPlan {
public:
    SpawnPlan(int socket, int target) {
        check(posix_spawn_file_actions_init(&actions_));
        check(posix_spawnattr_init(&attributes_));
        check(posix_spawn_file_actions_adddup2(&actions_, socket, target));
        sigset_t none;
        sigemptyset(&none);
        check(posix_spawnattr_setsigmask(&attributes_, &none));
        sigset_t all;
        sigfillset(&all);
        check(posix_spawnattr_setsigdefault(&attributes_, &all));
        check(posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        posix_spawnattr_destroy(&attributes_);
        posix_spawn_file_actions_destroy(&actions_);
    }

    /// The process id of the new child. Throws std::system_error.
    pid_t spawn(const std::string& path, std::vector<std::string> arguments,
                std::vector<std::string> environment) {
        pid_t pid = -1;
        check(posix_spawn(&pid, path.c_str(), &actions_, &attributes_, detail::pointers_to(arguments).data(),
                          detail::pointers_to(environment).data()));
        return pid;
    }

private:
    static void check(int error) {
        if (error != 0) {
            throw_error(error, "cannot start the zygote process");
        }
    }

    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

/// The two numbers in "descriptor:nonce", or false.
bool parse_marker(std::string_view text, int& fd, std::uint64_t& nonce) noexcept {
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, fd);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != ':') {
        return false;
    }
    const auto second = std::from_chars(first.ptr + 1, end, nonce, 16);
    return second.ec == std::errc() && second.ptr == end;
}

/// True when the record with `nonce` is the next thing to be read from the socket `fd`. Only looks, so that a
/// descriptor that is not ours stays untouched.
bool nonce_waits_in(int fd, std::uint64_t nonce) noexcept {
    struct stat status{};
    if (fstat(fd, &status) < 0 || !S_ISSOCK(status.st_mode)) {
        return false;
    }
    detail::ControlRecord record;
    const ssize_t received = recv(fd, &record, sizeof record, MSG_PEEK | MSG_DONTWAIT);
    return received == static_cast<ssize_t>(sizeof record) &&
           record.magic == detail::ControlRecord::expected_magic &&
           record.kind == detail::RecordKind::nonce && record.request_id == nonce;
}

} // namespace

ZygoteProcess start_zygote_by_fork() {
    const std::size_t threads = detail::count_threads();
    if (threads == 0) {
        throw RuntimeError(
            "cannot fork a zygote: this system does not tell how many threads the process has; use "
            "start_zygote_by_exec");
    }
    if (threads > detail::forkable_threads()) {
        throw RuntimeError("cannot fork a zygote: this process has " + std::to_string(threads) +
                           " threads, and a forked copy may inherit their locks; fork it before the first "
                           "thread is started, "
                           "or use start_zygote_by_exec");
    }
    auto [ours, theirs] = uv::make_socket_pair();
    std::fflush(nullptr);
    const detail::SignalsBlocked blocked;
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw_error(errno, "cannot fork the zygote process");
    }
    if (pid == 0) {
        detail::run_zygote(std::move(theirs));
    }
    return ZygoteProcess(pid, std::move(ours));
}

ZygoteProcess start_zygote_by_exec() {
    auto [ours, theirs] = uv::make_socket_pair();
    const std::uint64_t nonce = make_nonce();
    detail::ControlRecord record;
    record.kind = detail::RecordKind::nonce;
    record.request_id = nonce;
    if (!detail::write_all(ours.get(), std::as_bytes(std::span(&record, 1)))) {
        throw_error(errno, "cannot write to the zygote's socket");
    }
    const int target = theirs.get() == 3 ? 4 : 3;
    char marker[64];
    std::snprintf(marker, sizeof marker, "%s=%d:%llx", marker_name, target,
                  static_cast<unsigned long long>(nonce));
    SpawnPlan plan(theirs.get(), target);
    const pid_t pid =
        plan.spawn(detail::program_path(), detail::program_arguments(), detail::environment_with(marker));
    return ZygoteProcess(pid, std::move(ours));
}

void serve_if_zygote() {
    detail::serve_if_worker();
    const char* marker = std::getenv(marker_name);
    if (marker == nullptr) {
        return;
    }
    int fd = -1;
    std::uint64_t nonce = 0;
    const bool valid = parse_marker(marker, fd, nonce) && nonce_waits_in(fd, nonce);
    unsetenv(marker_name);
    if (!valid) {
        return;
    }
    uv::Descriptor control(fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    detail::ControlRecord record;
    static_cast<void>(recv(fd, &record, sizeof record, 0));
    detail::run_zygote(std::move(control));
}

} // namespace aio
