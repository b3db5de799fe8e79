#include "torture.hpp"

#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "work.hpp"

namespace pool_torture {
namespace {

using Clock = std::chrono::steady_clock;

/// Calls for each worker that wait or run: enough that no worker has to wait for this process.
constexpr int calls_per_worker = 4;
constexpr auto glance = std::chrono::milliseconds(100);

} // namespace

Torture::Torture(const Options& options)
    : options_(options), pool_(options.workers), display_(options), random_(options.seed) {}

aio::Coro<> Torture::run() {
    co_await aio::with_task_group([this](aio::TaskGroup& group) -> aio::Coro<> {
        for (int i = 0; i < options_.workers * calls_per_worker; ++i) group.create_task(feed());
        group.create_task(kill_at_random());
        group.create_task(show());
        co_await aio::sleep(options_.duration);
        over_ = true;
    });
    pool_.shutdown(false);
    co_await pool_.wait_closed();
}

aio::Coro<> Torture::feed() {
    while (!over_) co_await one_call();
}

aio::Coro<> Torture::one_call() {
    const std::uint64_t question = ++figures_.submitted;
    const Clock::time_point begin = Clock::now();
    try {
        const Answer answer = co_await aio::get_running_loop().run_in_executor(
            pool_, work, question, options_.call_microseconds * 1000);
        ++(answer.value == answer_to(question) ? figures_.right : figures_.wrong);
        const auto worker = figures_.workers.find(answer.pid);
        if (worker != figures_.workers.end()) ++worker->second.calls;
    } catch (const aio::WorkerCrashed& crash) {
        ++figures_.lost;
        if (!victims_.contains(crash.pid())) ++figures_.unexplained;
    } catch (const std::exception&) {
        ++figures_.failed;
    }
    figures_.longest_call = std::max<std::chrono::nanoseconds>(figures_.longest_call, Clock::now() - begin);
}

/// Waits as long as independent events of this rate do.
aio::Coro<> Torture::kill_at_random() {
    if (options_.kills_per_second == 0) co_return;
    std::exponential_distribution<double> pause(options_.kills_per_second);
    while (!over_) {
        const std::chrono::duration<double> time(pause(random_));
        co_await aio::sleep(std::min<std::chrono::duration<double>>(time, glance * 10));
        if (!over_) kill_one();
    }
}

void Torture::kill_one() {
    const std::vector<int> pids = pool_.worker_pids();
    if (pids.empty()) return;
    // A crash, an abort, and what the system does to those that take too much memory.
    constexpr std::array<int, 3> signals{SIGSEGV, SIGABRT, SIGKILL};
    const int pid = pids[random_() % pids.size()];
    if (::kill(pid, signals[random_() % signals.size()]) != 0) return;
    // A worker that is dying already can be hit twice.
    if (victims_.insert(pid).second) ++figures_.kills;
}

void Torture::look_at_workers() {
    const std::vector<int> pids = pool_.worker_pids();
    std::erase_if(figures_.workers, [&](const auto& worker) {
        return std::find(pids.begin(), pids.end(), worker.first) == pids.end();
    });
    for (const int pid : pids) {
        const auto [worker, is_new] = figures_.workers.try_emplace(pid);
        if (!is_new) continue;
        worker->second.first_seen = Clock::now();
        ++figures_.started;
    }
}

aio::Coro<> Torture::show() {
    for (int glances = 0; !over_; ++glances) {
        look_at_workers();
        if (display_.is_live() || glances % 10 == 0) display_.show(figures_);
        co_await aio::sleep(glance);
    }
    display_.clear();
}

} // namespace pool_torture
