#include <aio/executors/process_pool.hpp>

#include <aio/executors/process_pool_core.hpp>
#include <aio/uv/loop.hpp>

namespace aio {

int ProcessPoolExecutor::default_max_workers() noexcept {
    return static_cast<int>(uv::available_parallelism());
}

ProcessPoolExecutor::ProcessPoolExecutor(const ProcessPoolOptions& options, bool) {
    const detail::ProcessPoolSettings& settings = options.settings();
    if (settings.min_workers > settings.max_workers)
        throw ValueError("min_workers is " + std::to_string(settings.min_workers) +
                         ", more than max_workers, " + std::to_string(settings.max_workers));
    detail::WorkerLauncher::require(settings.start_method);
    core_ = std::make_shared<detail::ProcessPoolCore>(settings);
    core_->bind();
}

ProcessPoolExecutor::~ProcessPoolExecutor() {
    core_->run_on_loop([](detail::ProcessPoolCore& core) { core.destroy(); });
}

int ProcessPoolExecutor::max_workers() const noexcept {
    return static_cast<int>(core_->settings().max_workers);
}

std::vector<int> ProcessPoolExecutor::worker_pids() const { return core_->pids(); }

void ProcessPoolExecutor::submit_call(std::shared_ptr<detail::Call> call) {
    core_->submit(std::move(call), nullptr);
}

void ProcessPoolExecutor::submit_planned(const ProcessCallOptions& options,
                                         std::shared_ptr<detail::Call> call) {
    core_->submit(std::move(call), std::make_unique<detail::CallPlan>(options.settings()));
}

void ProcessPoolExecutor::open_stream(const ProcessCallOptions& options, std::shared_ptr<detail::Call> call,
                                      std::shared_ptr<detail::ConcurrentCallback> end) {
    if (options.settings().retries > 0)
        throw ValueError("a call that emits items is not repeated: what it has emitted could come twice");
    core_->bind();
    if (!core_->on_loop_thread())
        throw RuntimeError("what a call emits can only be read in the event loop that its pool belongs to");
    auto plan = std::make_unique<detail::CallPlan>(options.settings());
    plan->streams = true;
    core_->submit(call, std::move(plan));
    // Only now, because the call holds it: a call that was refused never ends.
    call->state().add_callback(std::move(end));
}

ProcessPoolStatistics ProcessPoolExecutor::statistics() const { return core_->statistics(); }

void ProcessPoolExecutor::terminate_workers() {
    core_->refuse();
    core_->run_on_loop([](detail::ProcessPoolCore& core) { core.end_workers(false); });
}

void ProcessPoolExecutor::kill_workers() {
    core_->refuse();
    core_->run_on_loop([](detail::ProcessPoolCore& core) { core.end_workers(true); });
}

Future<> ProcessPoolExecutor::wait_closed() { return core_->wait_closed(); }

void ProcessPoolExecutor::shutdown(bool wait, bool cancel_futures) {
    core_->refuse();
    core_->run_on_loop(
        [cancel_futures](detail::ProcessPoolCore& core) { core.begin_shutdown(cancel_futures); });
    if (!wait || !core_->used()) return;
    if (core_->on_loop_thread()) {
        if (core_->has_calls())
            throw RuntimeError("the process pool has calls left and cannot be waited for on its loop's "
                               "thread: co_await wait_closed()");
        return;
    }
    if (core_->on_binding_thread() && !core_->closed_future().done())
        throw RuntimeError("the process pool cannot be waited for, because its loop belongs to this thread "
                           "and is not running: co_await wait_closed() in it");
    core_->closed_future().result();
}

} // namespace aio
