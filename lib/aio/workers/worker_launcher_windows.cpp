#include <aio/workers/worker_launcher.hpp>

#include <aio/core/errors.hpp>

namespace aio {

WorkerExit WorkerExit::killed() { return WorkerExit(); }

bool WorkerExit::exceeded_time() const noexcept { return false; }

std::string WorkerExit::description() const { return "exited with code " + std::to_string(code); }

namespace detail {

class WorkerLauncher::Impl {};

void WorkerLauncher::require(StartMethod) {}

WorkerLauncher::WorkerLauncher(uv::Loop&, LauncherListener&, StartMethod) {
    throw RuntimeError(
        "worker processes are not available on Windows, which has no fork: use a ThreadPoolExecutor");
}

WorkerLauncher::~WorkerLauncher() = default;

WorkerPipes WorkerLauncher::launch(const WorkerRequest&) {
    return WorkerPipes(uv::Descriptor(), uv::Descriptor(), uv::Descriptor());
}

void WorkerLauncher::kill(int) {}

void WorkerLauncher::terminate(int) {}

void WorkerLauncher::resume(int) {}

void WorkerLauncher::drain(int, const std::function<void(std::span<const std::byte>)>&) {}

std::string WorkerLauncher::take_text(int) { return {}; }

} // namespace detail
} // namespace aio
