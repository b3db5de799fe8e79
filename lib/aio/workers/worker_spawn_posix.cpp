#include <aio/workers/worker_spawn_posix.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>

#include <aio/workers/process_setup_posix.hpp>
#include <aio/workers/program_image_posix.hpp>

namespace aio::detail {
namespace {

constexpr const char* marker_name = "AIO_WORKER";

void keep_on_exec(const uv::Descriptor& fd) noexcept {
    if (fd.valid()) fcntl(fd.get(), F_SETFD, 0);
}

void close_on_exec(const uv::Descriptor& fd) noexcept {
    if (fd.valid()) fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
}

bool is_pipe(int fd) noexcept {
    struct stat status{};
    return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

std::string marker_for(const WorkerSetup& setup) {
    std::string text = marker_name;
    text += '=';
    for (const long long number :
         {static_cast<long long>(setup.parent), static_cast<long long>(setup.number),
          static_cast<long long>(setup.tasks.get()), static_cast<long long>(setup.results.get()),
          static_cast<long long>(setup.buffers.get()), static_cast<long long>(setup.output.get()),
          static_cast<long long>(setup.errors.get()), static_cast<long long>(setup.marks.get()),
          static_cast<long long>(setup.max_payload), static_cast<long long>(setup.initializes)})
        text += std::to_string(number) + ' ';
    return text;
}

} // namespace

void execute_worker(WorkerSetup setup) noexcept {
    // Both hold beyond exec.
    if (!die_with_parent(setup.parent)) _exit(worker_exit_broken_pipe);
    setpgid(0, 0);
    try {
        std::vector<std::string> arguments = program_arguments();
        std::vector<std::string> environment = environment_with(marker_for(setup));
        keep_on_exec(setup.tasks);
        keep_on_exec(setup.results);
        keep_on_exec(setup.buffers);
        keep_on_exec(setup.output);
        keep_on_exec(setup.errors);
        keep_on_exec(setup.marks);
        unblock_all_signals();
        ::execve(program_path().c_str(), pointers_to(arguments).data(), pointers_to(environment).data());
    } catch (const std::exception&) {
    }
    _exit(worker_exit_not_executed);
}

void serve_if_worker() {
    const char* const marker = std::getenv(marker_name);
    if (marker == nullptr) return;
    int parent = -1;
    unsigned long long number = 0;
    int tasks = -1;
    int results = -1;
    int buffers = -1;
    int output = -1;
    int errors = -1;
    int marks = -1;
    unsigned long long max_payload = 0;
    int initializes = 0;
    const bool complete =
        std::sscanf(marker, "%d %llu %d %d %d %d %d %d %llu %d", &parent, &number, &tasks, &results, &buffers,
                    &output, &errors, &marks, &max_payload, &initializes) == 10;
    unsetenv(marker_name);
    if (!complete || getppid() != parent || !is_pipe(tasks) || !is_pipe(results)) return;
    WorkerSetup setup(number, uv::Descriptor(tasks), uv::Descriptor(results), parent,
                      static_cast<std::size_t>(max_payload), 0);
    setup.buffers = uv::Descriptor(buffers);
    setup.output = uv::Descriptor(output);
    setup.errors = uv::Descriptor(errors);
    setup.marks = uv::Descriptor(marks);
    setup.initializes = initializes != 0;
    setup.inherits_nothing = true;
    close_on_exec(setup.tasks);
    close_on_exec(setup.results);
    close_on_exec(setup.buffers);
    close_on_exec(setup.marks);
    block_all_signals();
    run_worker(std::move(setup));
}

} // namespace aio::detail
