#include <aio/executors/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <utility>

#include <aio/executors/thread_pool_core.hpp>
#include <aio/uv/loop.hpp>

namespace aio {
namespace {

/// "ThreadPoolExecutor-0", counted through all pools.
std::string default_prefix(const std::string& pool_name) {
    static constinit std::atomic<unsigned> pools{0};
    return pool_name + "-" + std::to_string(pools.fetch_add(1));
}

std::exception_ptr broken_thread_pool(const std::string& reason) {
    return std::make_exception_ptr(BrokenThreadPool(reason));
}

ThreadPoolOptions positional(int max_workers, std::string thread_name_prefix,
                             std::function<void()> initializer) {
    ThreadPoolOptions options;
    options.max_workers(max_workers).thread_name_prefix(std::move(thread_name_prefix));
    return options.initializer(std::move(initializer));
}

} // namespace

int ThreadPoolExecutor::default_max_workers() noexcept {
    return std::min(32, static_cast<int>(uv::available_parallelism()) + 4);
}

ThreadPoolExecutor::ThreadPoolExecutor(int max_workers, std::string thread_name_prefix,
                                       std::function<void()> initializer)
    : ThreadPoolExecutor(positional(max_workers, std::move(thread_name_prefix), std::move(initializer))) {}

ThreadPoolExecutor::ThreadPoolExecutor(ThreadPoolOptions options)
    : ThreadPoolExecutor(std::move(options), detail::WorkerKind("ThreadPoolExecutor", &broken_thread_pool)) {}

ThreadPoolExecutor::ThreadPoolExecutor(ThreadPoolOptions options, detail::WorkerKind kind) {
    const int max_workers = options.max_workers_ > 0 ? options.max_workers_ : default_max_workers();
    std::string prefix = std::move(options.thread_name_prefix_);
    if (prefix.empty()) prefix = default_prefix(kind.name);
    core_ = std::make_shared<detail::ThreadPoolCore>(static_cast<std::size_t>(max_workers), std::move(prefix),
                                                     std::move(options.initializer_), std::move(kind));
}

ThreadPoolExecutor::~ThreadPoolExecutor() { ThreadPoolExecutor::shutdown(!core_->abandoned(), false); }

int ThreadPoolExecutor::max_workers() const noexcept { return static_cast<int>(core_->max_workers()); }

void ThreadPoolExecutor::submit_call(std::shared_ptr<detail::Call> call) { core_->submit(std::move(call)); }

void ThreadPoolExecutor::shutdown(bool wait, bool cancel_futures) {
    core_->shutdown(cancel_futures);
    if (wait) core_->join(std::nullopt);
}

void ThreadPoolExecutor::shutdown_within(Duration limit, bool cancel_futures) {
    core_->shutdown(cancel_futures);
    if (!core_->join(std::chrono::steady_clock::now() + limit))
        throw ShutdownTimeout(core_->name(), core_->statistics());
}

void ThreadPoolExecutor::request_stop() { core_->request_stop(); }

ExecutorStatistics ThreadPoolExecutor::statistics() const { return core_->statistics(); }

std::vector<RunningCall> ThreadPoolExecutor::running_calls() const { return statistics().running; }

} // namespace aio
