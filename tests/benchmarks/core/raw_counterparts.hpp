#pragma once

/// The same work on bare libuv and bare system calls: what there is to be close to.

#include <benchmark/benchmark.h>

/// One uv_timer_t per sleep, started, fired and closed.
void raw_sleep(benchmark::State& state);
/// uv_queue_work with an empty job, one at a time.
void raw_queue_work(benchmark::State& state);
/// Eight bytes to a child process and back, over two blocking pipes.
void raw_pipe_ping_pong(benchmark::State& state);
