#include "raw_counterparts.hpp"

#include <cstdint>
#include <cstdlib>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

void raw_sleep(benchmark::State& state) {
    constexpr int timers = 10'000;
    uv_loop_t loop;
    uv_loop_init(&loop);
    std::vector<uv_timer_t> handles(timers);
    for (auto _ : state) {
        uv_update_time(&loop);
        for (uv_timer_t& handle : handles) {
            uv_timer_init(&loop, &handle);
            uv_timer_start(
                &handle, [](uv_timer_t* h) { uv_close(reinterpret_cast<uv_handle_t*>(h), nullptr); }, 1, 0);
        }
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    state.SetItemsProcessed(state.iterations() * timers);
    uv_loop_close(&loop);
}

namespace {

/// Starts the next job from the completion of the last, until the count is spent.
struct WorkChain {
    uv_loop_t loop{};
    uv_work_t request{};
    long left = 0;

    static void next(WorkChain& chain) {
        if (chain.left-- <= 0) return;
        uv_queue_work(
            &chain.loop, &chain.request, [](uv_work_t*) {},
            [](uv_work_t* request, int) { next(*static_cast<WorkChain*>(request->data)); });
    }
};

} // namespace

void raw_queue_work(benchmark::State& state) {
    constexpr long jobs = 1'000;
    WorkChain chain;
    uv_loop_init(&chain.loop);
    chain.request.data = &chain;
    for (auto _ : state) {
        chain.left = jobs;
        WorkChain::next(chain);
        uv_run(&chain.loop, UV_RUN_DEFAULT);
    }
    state.SetItemsProcessed(state.iterations() * jobs);
    uv_loop_close(&chain.loop);
}

void raw_pipe_ping_pong(benchmark::State& state) {
    int there[2];
    int back[2];
    if (pipe(there) != 0 || pipe(back) != 0) {
        state.SkipWithError("no pipes");
        return;
    }
    const pid_t child = fork();
    if (child == 0) {
        close(there[1]);
        close(back[0]);
        std::uint64_t word = 0;
        while (read(there[0], &word, sizeof word) == sizeof word &&
               write(back[1], &word, sizeof word) == sizeof word) {
        }
        _exit(0);
    }
    close(there[0]);
    close(back[1]);
    std::uint64_t word = 1;
    for (auto _ : state) {
        if (write(there[1], &word, sizeof word) != sizeof word ||
            read(back[0], &word, sizeof word) != sizeof word) {
            state.SkipWithError("the child is gone");
            break;
        }
    }
    state.SetItemsProcessed(state.iterations());
    close(there[1]);
    close(back[0]);
    waitpid(child, nullptr, 0);
}
