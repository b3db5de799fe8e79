// expect: a signal handler is a plain function: nobody would await this coroutine
#include <aio/core/coro.hpp>
#include <aio/io/loop_signals.hpp>

aio::Coro<> stop();

void install(aio::EventLoop& loop) {
#ifdef FIXED
    loop.add_signal_handler(1, [&loop] { loop.create_task(stop()); });
#else
    loop.add_signal_handler(1, stop);
#endif
}
