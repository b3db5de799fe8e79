"""The same measurements in Python: asyncio and concurrent.futures.

Prints one line for each: the name, and nanoseconds per operation (the median of several rounds).
"""
import asyncio
import concurrent.futures
import statistics
import time


def per_operation(rounds, count, seconds):
    return statistics.median(seconds) / count * 1e9


async def repeat(name, count, body, rounds=7):
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        await body(count)
        seconds.append(time.perf_counter() - start)
    print(name, per_operation(rounds, count, seconds), flush=True)


async def ready():
    return 1


async def ready_await(count):
    for _ in range(count):
        await ready()


async def give_way(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def create_task(count):
    for _ in range(count):
        await asyncio.create_task(ready())


async def sleep(count):
    await asyncio.gather(*(asyncio.sleep(0.001) for _ in range(count)))


async def future_hand_over(count):
    loop = asyncio.get_running_loop()
    for _ in range(count):
        future = loop.create_future()
        loop.call_soon(future.set_result, 1)
        await future


def nothing(n):
    return n


async def to_thread(count):
    for i in range(count):
        await asyncio.to_thread(nothing, i)


async def main():
    await repeat("ready_await", 200_000, ready_await)
    await repeat("yield", 50_000, give_way)
    await repeat("create_task", 20_000, create_task)
    await repeat("sleep", 10_000, sleep)
    await repeat("future_hand_over", 20_000, future_hand_over)
    await repeat("to_thread", 2_000, to_thread)
    loop = asyncio.get_running_loop()
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        async def process_pool(count):
            for i in range(count):
                await loop.run_in_executor(pool, nothing, i)

        await process_pool(100)
        await repeat("process_pool", 2_000, process_pool)


if __name__ == "__main__":
    asyncio.run(main())
