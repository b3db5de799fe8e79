#!/usr/bin/env python3
"""Has system calls of a program fail, one after the other, by means of strace.

    inject.py EXCHANGE [POINTS]    EXCHANGE is exchange.cpp; POINTS says at how many calls of each kind (default 2)

An interruption (EINTR) and "not now" (EAGAIN) must not be seen by anybody. Anything else must become an error that says what
was done and with whom; of the requests only the one that it befell may fail, and all bytes that arrive must be right. Exits
with 1 if that is not so, and with 77, which means skipped, if strace is not there or not allowed. Linux only.
"""

import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

PATIENCE = 60  # seconds for one run of the program
REQUESTS = 6  # two of each kind

# What is never seen, and what becomes an error.
UNSEEN = ("EINTR", "EAGAIN")
SEEN = {"ENOMEM": "not enough memory", "ECONNRESET": "connection reset by peer"}
CALLS = ("read", "readv", "write", "writev", "sendmsg", "sendto", "recvmsg", "recvmmsg", "accept4", "connect")
# Connecting and not now: the system has no port, or no room in the backlog.
NOT_UNSEEN = {("connect", "EAGAIN")}

PLACE = r"(127\.0\.0\.1:\d+|/\S+/socket)"
ERROR = re.compile(
    rf"(client|server|report: .*): (.*: )?(read from|write to|write|drain|readline|send a datagram to|receive a datagram at|connect to|accept a connection at)"
    rf".* ?(a client of )?{PLACE}.*: (.*)"
)


class Failure(Exception):
    pass


def expect(condition, *message):
    if not condition:
        raise Failure("\n".join(map(str, message)))


def run(exchange, folder, *options):
    """What has become of the program, and the lines of strace."""
    trace = os.path.join(folder, "trace")
    command = ["strace", "-f", "-qq", "-o", trace, *options, exchange, folder, str(REQUESTS // 3)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"it does not end; so far: {late.stdout!r}") from None
    with open(trace, encoding="utf-8", errors="replace") as file:
        return done, file.read().splitlines()


def lines_of(done):
    """What the program has printed; it must have ended well."""
    expect(done.returncode == 0, f"exit code {done.returncode}", done.stdout)
    return done.stdout.splitlines()


def calls_of(exchange, folder):
    """For each system call: how often it is made before the program begins, and until it ends."""
    done, trace = run(exchange, folder, "-e", "trace=" + ",".join(CALLS))
    lines = lines_of(done)
    expect(lines == ["begin", f"done {REQUESTS}"], "nothing was made to fail, and yet:", *lines)
    before, total = collections.Counter(), collections.Counter()
    begun = False
    for line in trace:
        call = re.match(r"(?:\d+ +)?(\w+)\(", line)
        if not call:
            continue
        total[call[1]] += 1
        if not begun:
            before[call[1]] += 1
        begun = begun or 'write(1, "begin' in line
        if 'write(1, "done' in line:
            break
    expect(begun, "the program's beginning was not seen")
    return {name: (before[name], total[name] - (1 if name == "write" else 0)) for name in total}


def points_in(first, last, count):
    """So many numbers, spread over those from `first` to `last`."""
    size = last - first + 1
    if size <= count:
        return range(first, last + 1)
    return sorted({first + i * (size - 1) // max(1, count - 1) for i in range(count)})


def check_unseen(exchange, folder, call, error, begin, last):
    """Every third one fails, until the program is done: libuv has a pipe as a lock, which is used at the end."""
    done, trace = run(exchange, folder, "-e", f"inject={call}:error={error}:when={begin + 1}..{last}+3")
    lines = lines_of(done)
    expect(lines == ["begin", f"done {REQUESTS}"], "it was seen:", *lines)
    return any("(INJECTED)" in line for line in trace)


def check_seen(exchange, folder, call, error, point, _):
    ended, trace = run(exchange, folder, "-y", "-e", f"inject={call}:error={error}:when={point}")
    # The calls are not the same in all runs. It may be what the program prints that fails, or a descriptor by which libuv wakes
    # its loop or locks: no system does that, and libuv aborts.
    injected = [line for line in trace if "(INJECTED)" in line]
    if not injected or re.search(r"\((1<|\d+<(anon_inode|pipe):)", injected[0]):
        return False
    lines = lines_of(ended)
    done = re.fullmatch(r"done (\d+)", lines[-1]) if lines else None
    expect(lines and lines[0] == "begin" and done, "it has not come to its end:", *lines)
    expect(int(done[1]) >= REQUESTS - 1, "more than one request has failed:", *lines)
    failures = lines[1:-1]
    told = [line for line in failures if ERROR.fullmatch(line)]
    for line in failures:
        other = "cut off: " in line or line in told
        expect(other, "an error does not say what was done, or with whom:", line)
    # What fails when nobody wants it any more, nobody is told.
    unharmed = int(done[1]) == REQUESTS and not failures
    expect(unharmed or any(SEEN[error] in line for line in told), f"nobody was told of it ({SEEN[error]}):", *lines)
    return True


def main():
    exchange = os.path.abspath(sys.argv[1])
    points = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    quiet = subprocess.run([exchange, "--sigpipe"], stdout=subprocess.PIPE, text=True, timeout=PATIENCE)
    if quiet.returncode != 0:
        print(f"writing to peers that have gone: exit code {quiet.returncode}\n{quiet.stdout}", file=sys.stderr)
        return 1
    if not shutil.which("strace"):
        print("skipped: there is no strace")
        return 77
    if subprocess.run(["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("skipped: strace may not trace here")
        return 77

    started = time.monotonic()
    made, failed = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        try:
            calls = calls_of(exchange, folder)
        except Failure as failure:
            print(failure, file=sys.stderr)
            return 1
        for call, (before, last) in sorted(calls.items()):
            if last <= before:
                continue
            runs = [(error, before, check_unseen) for error in UNSEEN if (call, error) not in NOT_UNSEEN]
            runs += [(error, point, check_seen) for error in SEEN for point in points_in(before + 1, last, points)]
            for error, point, check in runs:
                try:
                    made += 1 if check(exchange, folder, call, error, point, last) else 0
                except Failure as failure:
                    failed += 1
                    print(f"{call} number {point} of {last} fails with {error}: {failure}", file=sys.stderr)
    print(f"{made} faults in {', '.join(sorted(calls))}: {failed} of them with a wrong end, {time.monotonic() - started:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
