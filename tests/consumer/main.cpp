#include <aio/aio.hpp>

#include <cstdio>

using namespace std::chrono_literals;

aio::Coro<int> answer(std::chrono::milliseconds delay) {
    co_await aio::sleep(delay);
    co_return 42;
}

aio::Coro<int> amain() {
    // Two at once; if one failed, the other would be cancelled and joined.
    co_await aio::with_task_group([](aio::TaskGroup& group) -> aio::Coro<> {
        aio::Task<int> fast = group.create_task(answer(10ms));
        aio::Task<int> slow = group.create_task(answer(20ms));
        std::printf("%d %d\n", co_await fast, co_await slow);
    });
    try {
        co_await aio::wait_for(answer(10s), 50ms);
    } catch (const aio::TimeoutError&) {
        std::puts("too slow");
    }
    co_return 0;
}

int main() { return aio::run(amain()); }
