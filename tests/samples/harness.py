"""What the tests of the sample programs share: to run them as a user would, and to look at what they print."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

PATIENCE = 60  # seconds for anything that is expected to happen


class Failure(Exception):
    pass


def expect(condition, message, *details):
    if not condition:
        raise Failure("\n".join([message, *map(str, details)]))


def program(name):
    return str(directory / name)


class Skipped(Exception):
    """This machine has not what the test needs: no failure for a user, who is told; one where every test must run (CI=true)."""


def needs(*programs):
    for name in programs:
        if not shutil.which(name):
            raise Skipped(f"there is no {name}")


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __str__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    def number(self, row):
        """The number in a row of ingest's table."""
        found = re.search(rf"^{row} +(\d+)", self.out, re.MULTILINE)
        expect(found, f"there is no row '{row}'", self)
        return int(found[1])

    def identifiers(self):
        return [(name, int(count)) for count, name in re.findall(r"^ +(\d+)  (\w+)$", self.out, re.MULTILINE)]


def start(name, *arguments, **options):
    return subprocess.Popen(
        [program(name), *map(os.fspath, arguments)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def finish(process):
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Failure("the program does not end") from None
    return Result(process.returncode, out.decode(errors="backslashreplace"), err.decode(errors="backslashreplace"))


def run(name, *arguments, **options):
    return finish(start(name, *arguments, **options))


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while True:
        if value := condition():
            return value
        expect(time.monotonic() < deadline, f"waited in vain for {what}")
        time.sleep(0.002)


def left_behind():
    """Processes of the sample programs that still live."""
    names = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if pathlib.Path(os.readlink(entry / "exe")).parent == directory:
                    names.append(entry.name)
    return names


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="aiouv-samples-") as name:
        yield pathlib.Path(name)


def main(tests, usage):
    """Runs the functions of `tests`, a module's names, that begin with "test_"."""
    global directory
    if len(sys.argv) < 2:
        sys.exit(usage)
    directory = pathlib.Path(sys.argv[1]).resolve()
    # A job in the background may be told to ignore it, and so would the programs, to which the tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    passed = failed = 0
    all_must_run = os.environ.get("CI") == "true"
    for name, test in list(tests.items()):
        if not name.startswith("test_") or (sys.argv[2:] and not any(part in name for part in sys.argv[2:])):
            continue
        words = name.removeprefix("test_").replace("_", " ")
        started = time.monotonic()
        try:
            test()
        except Skipped as reason:
            failed += all_must_run
            print(f"FAILED {words}\n{reason}, and here every test must run" if all_must_run else f"skipped ({reason}): {words}")
        except Exception as error:  # also an error of the test itself
            failed += 1
            print(f"FAILED {words}")
            print(error if isinstance(error, Failure) else traceback.format_exc())
        else:
            passed += 1
            print(f"{time.monotonic() - started:.2f} s: {words}")
        sys.stdout.flush()
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)
