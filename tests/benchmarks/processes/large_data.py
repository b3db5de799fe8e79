"""Large data to Python's ProcessPoolExecutor and back.

Prints one line for each measurement: the name, and microseconds (the median of the turns).
"""
import concurrent.futures
import statistics
import sys
import time


def echo(data):
    return data


def measure(name, turns, body):
    body()
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        body()
        times.append(time.perf_counter() - start)
    print(name, statistics.median(times) * 1e6, flush=True)


def main():
    turns, mebibytes = int(sys.argv[1]), int(sys.argv[2])
    data = b"\1" * (mebibytes << 20)
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        measure("argument", turns, lambda: pool.submit(len, data).result())
        measure("both", turns, lambda: pool.submit(echo, data).result())


if __name__ == "__main__":
    main()
