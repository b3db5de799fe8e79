// libuv forks, at least in the versions that distributions have: the loop then stands still while the page
// tables of the whole process are copied, 30 ms for 800 MB. posix_spawn shares the memory until the child
// executes its program. libuv cannot watch a child that it has not started, so a pidfd does.

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aio/uv/detail/process_block.hpp>

// musl has it under this name, too, and no macro that tells; glibc since 2.34.
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
#define AIO_HAVE_SPAWN_CLOSEFROM 1
#endif
#endif

namespace aio::uv::detail {
namespace {

int open_pidfd([[maybe_unused]] pid_t pid) noexcept {
#if defined(SYS_pidfd_open)
    const long fd = ::syscall(SYS_pidfd_open, pid, 0U);
    return fd < 0 ? -errno : static_cast<int>(fd);
#else
    return -ENOSYS;
#endif
}

/// The arguments of posix_spawn that need freeing.
class SpawnSettings {
public:
    SpawnSettings() noexcept {
        note(::posix_spawn_file_actions_init(&actions_));
        note(::posix_spawnattr_init(&attributes_));
    }
    ~SpawnSettings() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    /// Signals as for a program that a shell has started.
    void fresh_signals(bool new_session) noexcept {
        sigset_t none;
        sigset_t all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        note(::posix_spawnattr_setsigmask(&attributes_, &none));
        note(::posix_spawnattr_setsigdefault(&attributes_, &all));
        int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        if (new_session) flags |= POSIX_SPAWN_SETSID;
        note(::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags)));
    }
    void change_directory(const std::string& path) noexcept {
        if (!path.empty()) note(::posix_spawn_file_actions_addchdir_np(&actions_, path.c_str()));
    }
    void connect(int ours, int theirs) noexcept {
        if (ours >= 0)
            note(::posix_spawn_file_actions_adddup2(&actions_, ours, theirs));
        else if (theirs < 3)
            note(::posix_spawn_file_actions_addopen(&actions_, theirs, "/dev/null", O_RDWR, 0));
        else
            note(::posix_spawn_file_actions_addclose(&actions_, theirs));
    }
    void close_from([[maybe_unused]] int first) noexcept {
#if defined(AIO_HAVE_SPAWN_CLOSEFROM)
        note(::posix_spawn_file_actions_addclosefrom_np(&actions_, first));
#endif
    }

    /// The first thing that failed, as an errno, or 0.
    [[nodiscard]] int error() const noexcept { return error_; }
    [[nodiscard]] const posix_spawn_file_actions_t* actions() const noexcept { return &actions_; }
    [[nodiscard]] const posix_spawnattr_t* attributes() const noexcept { return &attributes_; }

private:
    void note(int error) noexcept {
        if (error_ == 0) error_ = error;
    }
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
    int error_ = 0;
};

/// Finds a program in the PATH of the environment that the child will have, as libuv and Python do. Gives an
/// errno.
int find_program(const std::string& name, const std::vector<std::string>& environment, std::string& found) {
    std::string_view path = "/bin:/usr/bin";
    for (const std::string& variable : environment)
        if (variable.starts_with("PATH=")) path = std::string_view(variable).substr(5);
    int error = ENOENT;
    while (true) {
        const std::size_t end = std::min(path.find(':'), path.size());
        const std::string_view directory = path.substr(0, end);
        found = directory.empty() ? "./" + name : std::string(directory) + "/" + name;
        struct stat status{};
        if (::stat(found.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
            if (::access(found.c_str(), X_OK) == 0) return 0;
            error = EACCES;
        }
        if (end == path.size()) return error;
        path.remove_prefix(end + 1);
    }
}

/// Copies of descriptors whose numbers the child will use for others.
class MovedAway {
public:
    /// Gives an errno.
    int move(std::vector<int>& numbers) {
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            const int number = numbers[i];
            if (number < 0 || static_cast<std::size_t>(number) >= numbers.size() ||
                static_cast<std::size_t>(number) == i)
                continue;
            const int copy = ::fcntl(number, F_DUPFD_CLOEXEC, static_cast<int>(numbers.size()));
            if (copy < 0) return errno;
            copies_.emplace_back(copy);
            numbers[i] = copy;
        }
        return 0;
    }

private:
    std::vector<Descriptor> copies_;
};

void on_readable(uv_poll_t* handle, int, int) noexcept {
    auto& block = *static_cast<ProcessBlock*>(handle->data);
    int status = 0;
    pid_t pid = 0;
    do pid = ::waitpid(block.pid, &status, WNOHANG);
    while (pid < 0 && errno == EINTR);
    if (pid == 0) return;
    uv_poll_stop(handle);
    if (pid < 0)
        block.ended(255, 0);
    else if (WIFSIGNALED(status))
        block.ended(0, WTERMSIG(status));
    else
        block.ended(WEXITSTATUS(status), 0);
}

/// The child has ended already and the system has taken it away, as it does where SIGCHLD is ignored. Its end
/// is told on the loop's next turn.
int tell_of_end(ProcessBlock& block) noexcept {
    uv_idle_init(block.loop.native(), &block.handle.idle);
    block.handle.base.data = &block;
    return uv_idle_start(&block.handle.idle, [](uv_idle_t* handle) noexcept {
        uv_idle_stop(handle);
        static_cast<ProcessBlock*>(handle->data)->ended(255, 0);
    });
}

int watch(ProcessBlock& block) noexcept {
    const int pidfd = open_pidfd(block.pid);
    if (pidfd == -ESRCH) return tell_of_end(block);
    if (pidfd < 0) return pidfd;
    block.pidfd = Descriptor(pidfd);
    int status = uv_poll_init(block.loop.native(), &block.handle.poll, pidfd);
    if (status < 0) {
        block.handle.base.type = UV_UNKNOWN_HANDLE;
        return status;
    }
    block.handle.base.data = &block;
    return uv_poll_start(&block.handle.poll, UV_READABLE, &on_readable);
}

} // namespace

bool can_spawn_quickly() noexcept {
    static const bool works = []() noexcept { return Descriptor(open_pidfd(::getpid())).valid(); }();
    return works;
}

int spawn_quickly(ProcessBlock& block, const ProcessOptions& options, const std::vector<int>& descriptors) {
    std::vector<int> numbers = descriptors;
    while (numbers.size() < 3) numbers.push_back(-1);
    MovedAway moved_away;
    if (const int error = moved_away.move(numbers); error != 0) return -error;

    SpawnSettings settings;
    settings.fresh_signals(options.detached());
    settings.change_directory(options.directory());
    for (std::size_t i = 0; i < numbers.size(); ++i) settings.connect(numbers[i], static_cast<int>(i));
    settings.close_from(static_cast<int>(numbers.size()));
    if (settings.error() != 0) return -settings.error();

    const std::vector<char*> arguments = c_strings(options.arguments());
    const std::string& name = options.arguments()[0];
    int error = 0;
    if (options.environment() == nullptr) {
        error = ::posix_spawnp(&block.pid, name.c_str(), settings.actions(), settings.attributes(),
                               arguments.data(), environ);
    } else {
        const std::vector<char*> environment = c_strings(*options.environment());
        std::string program = name;
        if (name.find('/') == std::string::npos) error = find_program(name, *options.environment(), program);
        if (error == 0)
            error = ::posix_spawn(&block.pid, program.c_str(), settings.actions(), settings.attributes(),
                                  arguments.data(), environment.data());
    }
    if (error != 0) return -error;
    const int status = watch(block);
    if (status < 0) {
        // Nobody could ever tell when it ends.
        ::kill(block.pid, SIGKILL);
        while (::waitpid(block.pid, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    return status;
}

} // namespace aio::uv::detail
