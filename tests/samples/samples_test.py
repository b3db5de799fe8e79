#!/usr/bin/env python3
"""Runs the sample programs as a user would, and looks at what they print.

    samples_test.py DIRECTORY [NAME...]    DIRECTORY holds the programs; NAME chooses tests

Ends with the line "N passed, N failed". Linux only: it finds worker processes in /proc.
"""

import contextlib
import os
import pathlib
import pty
import random
import re
import signal
import time

from harness import expect, finish, folder, left_behind, main, program, run, start, until

CLEAN_STOP = 1.0  # seconds from Ctrl-C, or the timeout, to the end
SANITIZED = bool(os.environ.get("SAMPLES_ARE_SLOW"))


def run_on_terminal(name, *arguments):
    """Exit code, and what a terminal was sent."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(program(name), [name, *map(os.fspath, arguments)])
    shown = b""
    with contextlib.suppress(OSError):  # a terminal that nobody has open any more gives EIO
        while piece := os.read(terminal, 65536):
            shown += piece
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown


def processes():
    """Name and parent of every process."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                name, _, fields = (entry / "stat").read_text().partition("(")[2].rpartition(")")
                found[int(entry.name)] = name, int(fields.split()[1])
    return found


def workers_of(process):
    """The worker processes that descend from the program."""
    all_processes = processes()

    def descends(pid):
        while pid in all_processes:
            if pid == process.pid:
                return True
            pid = all_processes[pid][1]
        return False

    return [pid for pid, (name, _) in all_processes.items() if name == "aio-worker" and descends(pid)]


def write_tree(top):
    """Three text files, an empty one, a binary one, and a link to nowhere."""
    (top / "deep" / "er").mkdir(parents=True)
    (top / "a.c").write_text("int main(void) { return 0; }\n")
    (top / "deep" / "b.txt").write_text("alpha beta alpha\nbeta_2 x1 7 alpha")
    (top / "deep" / "er" / "c.h").write_text("#define alpha 1\n\n#define beta alpha\n")
    (top / "empty").write_bytes(b"")
    (top / "binary").write_bytes(b"alpha\0alpha\n")
    (top / "nowhere").symlink_to("missing")


@contextlib.contextmanager
def large_tree(files):
    """One megabyte, under many names."""
    with folder() as top:
        text = "".join(f"int variable_{i} = some_function(argument_{i % 100}); /* {i} */\n" for i in range(16500))
        (top / "text").write_text(text)
        tree = top / "tree"
        tree.mkdir()
        for i in range(files):
            (tree / f"{i:05}.c").symlink_to("../text")
        yield tree


# ---- executors ----


def test_executors_prints_a_read_and_a_sum_for_each_of_the_four_pools():
    result = run("executors")
    expect(result.code == 0 and not result.err, "it fails", result)
    size = os.path.getsize("/etc/passwd")
    lines = result.out.splitlines()
    pools = ["default executor", "thread pool", "process pool", "interpreter pool"]
    expect(len(lines) == 4, "there are not four lines", result)
    for pool, line in zip(pools, lines):
        expect(re.fullmatch(rf"{pool} +read {size} bytes in [\d.]+ ms, the sum is 19999999 after [\d.]+ ms", line),
               f"the line of the {pool} is not as expected", result)


# ---- ingest: what it counts ----


def test_ingest_counts_a_small_tree_exactly():
    with folder() as top:
        write_tree(top)
        result = run("ingest", top)
        expect(result.code == 0, "it fails", result)
        expected = {"files": 3, "bytes": 99, "lines": 5, "tokens": 25, "identifiers": 9,
                    "filtered out": 1, "skipped": 2, "lost": 0}
        numbers = {row: result.number(row) for row in expected}
        expect(numbers == expected, f"the counts are {numbers}", result)
        expect(result.identifiers()[:3] == [("alpha", 5), ("beta", 2), ("define", 2)], "the identifiers are wrong", result)
        expect("(1 binary, 1 unreadable)" in result.out, "what was skipped is not explained", result)
        expect(re.search(r"^totals +agree$", result.out, re.MULTILINE), "one thread counts differently", result)


def test_ingest_reads_a_single_file():
    with folder() as top:
        write_tree(top)
        result = run("ingest", top / "a.c", "--top=1")
        expect(result.code == 0 and result.number("files") == 1 and result.number("tokens") == 10, "wrong counts", result)
        expect(len(result.identifiers()) == 1, "--top is not obeyed", result)


def test_ingest_counts_a_file_of_many_pieces_as_one():
    with folder() as top:
        (top / "big.txt").write_text("one two two\n" * 400_000)
        (top / "line.txt").write_text("x" * 3_000_000)
        result = run("ingest", top)
        expect(result.code == 0 and result.number("files") == 2 and result.number("lines") == 400_000, "wrong counts", result)
        expect(result.number("bytes") == 7_800_000, "wrong number of bytes", result)
        expect(result.identifiers() == [("two", 800_000), ("one", 400_000)], "wrong identifiers", result)


def test_ingest_reports_what_it_cannot_read_and_goes_on():
    with folder() as top:
        write_tree(top)
        result = run("ingest", top)
        expect(f"skipped: {top}/nowhere: the symbolic link leads nowhere" in result.err, "the link is not reported", result)
        if os.geteuid() != 0:
            (top / "secret").write_text("secret")
            (top / "secret").chmod(0)
            (top / "deep" / "er").chmod(0)
            result = run("ingest", top)
            (top / "deep" / "er").chmod(0o755)
            expect(result.code == 0 and result.number("files") == 2 and result.number("skipped") == 4, "wrong counts", result)
            expect(f"skipped: {top}/secret: Permission denied" in result.err, "the file is not reported", result)
            expect(f"skipped: {top}/deep/er: Permission denied" in result.err, "the folder is not reported", result)


def test_ingest_writes_odd_names_so_that_a_terminal_survives():
    with folder() as top:
        os.symlink("missing", os.fsencode(top) + b"/a\x1b[31m\n\xff\xc2\x9b\xc3\xa4")
        result = run("ingest", top)
        expect(r"a\x1b[31m\x0a\xff\xc2\x9b" + "ä: " in result.err, "the name is not escaped", result)


# ---- ingest: the filter ----


def ingest_with_filter(source):
    with folder() as top:
        (top / "tree").mkdir()
        write_tree(top / "tree")
        (top / "filter.lua").write_text(source)
        return run("ingest", top / "tree", "--filter", top / "filter.lua")


def test_ingest_asks_the_filter():
    result = ingest_with_filter("function keep(path, lines) return path:match('%.[ch]$') ~= nil and lines < 3 end")
    expect(result.code == 0 and result.number("files") == 1 and result.number("filtered out") == 3, "wrong counts", result)
    expect(re.search(r"^totals +agree$", result.out, re.MULTILINE), "one thread filters differently", result)


def test_ingest_explains_a_broken_filter():
    for source, code, message in [
        ("function keep(", 2, "expected near <eof>"),
        ("error('not today')", 2, "filter.lua:1: not today"),
        ("x = 1", 2, "it defines no function keep(path, lines, tokens, bytes)"),
        ("function keep(path) return path.x.y end", 1, "filter.lua:1: attempt to index a nil value (field 'x')"),
        ("function keep(path) return 'yes' end", 1, "expected a boolean, got the string 'yes'"),
    ]:
        result = ingest_with_filter(source)
        expect(result.code == code and message in result.err, f"for '{source}' it does not say: {message}", result)
        expect("files " not in result.out, "there is a table", result)
    result = run("ingest", "/", "--filter", "/no/such/filter.lua")
    expect(result.code == 2 and "cannot be read: No such file or directory" in result.err, "a missing filter is not named", result)


def test_the_filter_that_comes_with_ingest_works():
    with folder() as top:
        write_tree(top)
        example = pathlib.Path(__file__).resolve().parents[2] / "samples" / "ingest" / "filter.lua"
        result = run("ingest", top, "--filter", example)
        expect(result.code == 0 and result.number("files") == 2, "it does not keep a.c and c.h", result)


# ---- ingest: arguments ----


def test_ingest_explains_bad_arguments():
    for arguments, message in [
        ([], "there is no PATH"),
        (["/", "/usr"], "one PATH too many: '/usr'"),
        (["/", "--frobnicate"], "there is no option '--frobnicate'"),
        (["/", "--jobs"], "--jobs needs a value"),
        (["/", "--jobs", "0"], "--jobs takes a number from 1 to 256, not '0'"),
        (["/", "--jobs", "2x"], "not '2x'"),
        (["/", "--timeout", "-1"], "--timeout takes a number of seconds above 0, not '-1'"),
        (["/", "--timeout=nan"], "not 'nan'"),
        (["/", "--top", "many"], "not 'many'"),
        (["/no/such/tree"], "cannot read '/no/such/tree': No such file or directory"),
    ]:
        result = run("ingest", *arguments)
        expect(result.code == 2 and not result.out, f"it takes {arguments}", result)
        expect(message in result.err, f"for {arguments} it does not say: {message}", result)
    result = run("ingest", "--help")
    expect(result.code == 0 and result.out.startswith("usage: ingest PATH"), "--help does not help", result)


# ---- ingest: what happens to it ----


def test_killing_a_worker_costs_at_most_the_file_it_was_parsing():
    for kills in (1, 4):
        with large_tree(120) as tree:
            process = start("ingest", tree, "--jobs", "2")
            killed = set()
            while len(killed) < kills:
                alive = until(lambda: [pid for pid in workers_of(process) if pid not in killed], "a worker")
                victim = random.choice(alive)
                os.kill(victim, signal.SIGKILL)
                killed.add(victim)
                time.sleep(0.05)  # lets it get on, so that the kills hit it at work
            result = finish(process)
            report = r"^ingest: lost: (.*): the worker process (\d+) was killed by signal 9"
            lost = re.findall(report, result.err, re.MULTILINE)
            expect(result.code == 0, "it does not end well", result)
            expect(result.number("lost") == len(lost) <= kills, "what is lost is not what was reported", result)
            expect({int(pid) for _, pid in lost} <= killed, "a worker died that nobody killed", result)
            expect(result.number("files") == 120 - len(lost), "files are missing", result)
            expect(re.search(r"^totals +agree$", result.out, re.MULTILINE), "the totals are wrong", result)


def test_killing_a_worker_costs_no_file_of_a_batch_of_small_ones():
    with folder() as top:
        text = "".join(f"int variable_{i} = some_function(argument_{i % 100}); /* {i} */\n" for i in range(300))
        (top / "text").write_text(text)
        tree = top / "tree"
        tree.mkdir()
        for i in range(4000):
            (tree / f"{i:05}.c").symlink_to("../text")
        process = start("ingest", tree, "--jobs", "2")
        os.kill(until(lambda: workers_of(process), "a worker")[0], signal.SIGKILL)
        result = finish(process)
        expect(result.code == 0, "it does not end well", result)
        expect(result.number("files") == 4000 and result.number("lost") == 0, "files are missing", result)
        expect(re.search(r"^totals +agree$", result.out, re.MULTILINE), "the totals are wrong", result)


def expect_partial(result, code, message, files):
    expect(result.code == code, f"the exit code is not {code}", result)
    expect(message in result.err, f"it does not say: {message}", result)
    done = result.number("files")
    expect(done < files and result.number("bytes") > done, "the table is not that of a part", result)


def test_an_interrupt_ends_it_within_a_second_with_a_partial_table():
    with large_tree(2000) as tree:
        process = start("ingest", tree)
        until(lambda: workers_of(process), "a worker")
        time.sleep(0.5)  # some files are done
        interrupted = time.monotonic()
        process.send_signal(signal.SIGINT)
        result = finish(process)
        took = time.monotonic() - interrupted
        expect_partial(result, 130, "ingest: interrupted: ", 2000)
        expect(SANITIZED or took < CLEAN_STOP, f"it took {took:.2f} s", result)


def test_an_interrupt_at_any_time_is_clean():
    with large_tree(30) as tree:
        for delay in range(0, 60, 3):
            process = start("ingest", tree)
            time.sleep(0.02 + delay / 100)
            process.send_signal(signal.SIGINT)
            result = finish(process)
            # The first may come before the program has begun to handle it.
            expect(result.code in (130, 0, -signal.SIGINT) and "rror" not in result.err, f"after {delay} hundredths of a second:", result)


def test_a_timeout_ends_it_within_a_second_with_a_partial_table():
    with large_tree(2000) as tree:
        started = time.monotonic()
        result = run("ingest", tree, "--timeout", "0.7")
        took = time.monotonic() - started - 0.7
        expect_partial(result, 124, "ingest: the time is up: ", 2000)
        expect(SANITIZED or took < CLEAN_STOP, f"it took {took:.2f} s more", result)


def test_a_filter_that_never_ends_is_stopped_with_the_rest():
    with folder() as top:
        (top / "tree").mkdir()
        write_tree(top / "tree")
        (top / "filter.lua").write_text("function keep() while true do end end")
        started = time.monotonic()
        result = run("ingest", top / "tree", "--filter", top / "filter.lua", "--timeout", "0.5")
        took = time.monotonic() - started - 0.5
        expect(result.code == 124, "the time is up, and the exit code is not 124", result)
        expect(SANITIZED or took < CLEAN_STOP, f"it took {took:.2f} s more", result)


def test_there_is_a_progress_bar_on_a_terminal_and_none_elsewhere():
    with large_tree(60) as tree:
        plain = run("ingest", tree)
        expect(plain.code == 0 and "\r" not in plain.err and "\x1b" not in plain.err, "stderr is no plain text", plain)
        code, shown = run_on_terminal("ingest", tree)
        expect(code == 0, "it fails on a terminal", shown)
        expect(re.search(rb"\r\[#*\.*\] \d+ of 60 files", shown), "there is no bar", shown)
        expect(b"\r\x1b[Kfiles" in shown, "the bar is not removed before the table", shown)


def test_pool_torture_loses_only_calls_of_killed_workers():
    result = run("pool_torture", "--seconds", "3", "--kills", "40", "--workers", "3")
    expect(result.code == 0 and "NOT" not in result.out, "the pool has not kept its promise", result)
    killed, lost, right = result.number("workers killed"), result.number("calls lost"), result.number("right answers")
    expect(killed >= 10, "hardly any worker was killed", result)
    expect(lost <= killed, "more calls were lost than workers killed", result)
    expect(right > 20, "hardly any call came back", result)
    expect(result.number("calls") == right + lost, "calls are missing", result)


def test_pool_torture_loses_nothing_in_peace():
    result = run("pool_torture", "--seconds", "0.5", "--kills", "0")
    expect(result.code == 0 and result.number("calls lost") == 0, "a call was lost without a kill", result)


def test_pool_torture_draws_on_a_terminal():
    code, shown = run_on_terminal("pool_torture", "--seconds", "0.5")
    expect(code == 0, "it fails on a terminal", shown)
    expect(re.search(rb"  pid \d+", shown), "there are no workers in the picture", shown)


def test_pool_torture_ends_at_an_interrupt_with_its_figures():
    process = start("pool_torture", "--seconds", "600")
    until(lambda: workers_of(process), "a worker")
    process.send_signal(signal.SIGINT)
    result = finish(process)
    expect(result.code == 130, "the exit code is not 130", result)
    expect("right answers" in result.out, "there are no figures", result)


def test_pool_torture_explains_bad_arguments():
    for arguments in (["--workers", "0"], ["--kills"], ["--what"], ["--seconds", "nan"]):
        result = run("pool_torture", *arguments)
        expect(result.code == 2 and arguments[0] in result.err, f"{arguments} are not explained", result)


def test_no_process_is_left_behind():
    until(lambda: not left_behind(), "the end of all processes")


if __name__ == "__main__":
    main(globals(), __doc__)
