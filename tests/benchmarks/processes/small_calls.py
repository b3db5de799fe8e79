"""Many short calls in Python's ProcessPoolExecutor.

Prints one line for each measurement: the name, and calls per second (the best of a few rounds).
"""
import concurrent.futures
import sys
import time


def nothing(n):
    return n


def best(rounds, calls, body):
    body()
    rates = []
    for _ in range(rounds):
        start = time.perf_counter()
        body()
        rates.append(calls / (time.perf_counter() - start))
    return max(rates)


def submit_all(pool, calls):
    for future in [pool.submit(nothing, n) for n in range(calls)]:
        future.result()


def map_all(pool, calls, chunksize):
    for _ in pool.map(nothing, range(calls), chunksize=chunksize):
        pass


def main():
    workers, calls = int(sys.argv[1]), int(sys.argv[2])
    with concurrent.futures.ProcessPoolExecutor(workers) as pool:
        few = max(calls // 200, 100)
        print("submit", best(3, few, lambda: submit_all(pool, few)), flush=True)
        chunks = [2**n for n in range(5, 17)]
        print("map", max(best(2, calls, lambda: map_all(pool, calls, size)) for size in chunks), flush=True)


if __name__ == "__main__":
    main()
