#include <chrono>

#include <aio/aio.hpp>

aio::Coro<int> amain() {
    co_await aio::sleep(std::chrono::milliseconds(1));
    co_return 0;
}

int main() { return aio::run(amain()); }
