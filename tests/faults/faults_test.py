#!/usr/bin/env python3
"""Disturbs a program from outside: Ctrl-C and Ctrl-Z on a terminal, and another program in its place.

    faults_test.py SUBJECT NAME    NAME is one of the tests below; SUBJECT is subject.cpp

Exits with 1 if the test fails, after saying why. Linux only: it looks at processes in /proc.
"""

import contextlib
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

PATIENCE = 60  # seconds for anything that is expected to happen


class Failure(Exception):
    pass


def expect(condition, *message):
    if not condition:
        raise Failure("\n".join(map(str, message)))


def state_of(pid):
    """The letter that stands for its state; None if there is no such process."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return None


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        expect(time.monotonic() < deadline, f"waited in vain for {what}")
        time.sleep(0.002)


class Shell:
    """Runs the program as an interactive shell does: in a process group of its own, in the foreground of a terminal."""

    def __init__(self, *command):
        self.reports, reports = os.pipe()
        orders, self.orders = os.pipe()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            code = 1
            with contextlib.suppress(Exception):
                self.serve(command, reports, orders)
                code = 0
            os._exit(code)
        os.close(reports)
        os.close(orders)
        self.shown = b""

    @staticmethod
    def serve(command, reports, orders):
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # who gives the terminal away is in the background already
        program = os.fork()
        if program == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpid())
            for number in (signal.SIGTTOU, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            os.execv(command[0], command)
        while True:
            _, status = os.waitpid(program, os.WUNTRACED)
            os.tcsetpgrp(0, os.getpgrp())
            if not os.WIFSTOPPED(status):
                os.write(reports, b"ended %d\n" % os.waitstatus_to_exitcode(status))
                return
            os.write(reports, b"stopped %d\n" % program)
            if not os.read(orders, 1):
                return
            os.tcsetpgrp(0, program)  # what "fg" does
            os.killpg(program, signal.SIGCONT)

    def look(self, condition, what):
        """Takes in what is shown until the condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            expect(time.monotonic() < deadline, f"waited in vain for {what}; shown was:", self.text())
            if select.select([self.terminal], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):  # a terminal that nobody has open any more
                    self.shown += os.read(self.terminal, 65536)

    def wait_for(self, text):
        self.look(lambda: re.search(text, self.text(), re.MULTILINE), text)
        return re.search(text, self.text(), re.MULTILINE)

    def report(self):
        self.look(lambda: select.select([self.reports], [], [], 0)[0], "the program's end or stop")
        return os.read(self.reports, 100).decode().strip()

    def text(self):
        return self.shown.decode(errors="backslashreplace").replace("\r\n", "\n")

    def press(self, key):
        os.write(self.terminal, key)

    def foreground(self):
        os.write(self.orders, b"f")

    def close(self):
        os.close(self.orders)
        os.close(self.terminal)
        os.close(self.reports)
        os.waitpid(self.pid, 0)


def begin_on_terminal(subject, calls):
    shell = Shell(subject, "terminal", str(calls))
    workers = list(map(int, shell.wait_for(r"^workers (.*)$")[1].split()))
    expect(len(workers) == 2, "there are two workers", shell.text())
    shell.wait_for("^begun$")
    return shell, workers


def ctrl_c(subject):
    """Ctrl-C ends the program and its workers, and nobody says anything."""
    shell, workers = begin_on_terminal(subject, 50_000)
    shell.press(b"\x03")
    report = shell.report()
    expect(report == "ended 130", f"{report}:", shell.text())
    until(lambda: all(state_of(worker) in (None, "Z") for worker in workers), "the workers' end")
    noise = shell.text().partition("begun\n")[2].replace("^C", "").strip()
    expect(not noise, "somebody had to say something:", noise)
    shell.close()


def ctrl_z(subject):
    """Ctrl-Z stops the program, its workers wait, and in the foreground again it loses no call."""
    calls = 2000
    shell, workers = begin_on_terminal(subject, calls)
    for _ in range(3):
        shell.press(b"\x1a")
        report = shell.report()
        expect(report.startswith("stopped "), f"{report}:", shell.text())
        program = int(report.split()[1])
        expect(state_of(program) == "T", "the program is not stopped")
        # They are in groups of their own, and wait for their next calls.
        until(lambda: all(state_of(worker) == "S" for worker in workers), "the workers to wait")
        shell.foreground()
        until(lambda: state_of(program) != "T", "the program to go on")
    total = int(shell.wait_for(r"sum (\d+)$")[1])
    expect(total == sum(i * i for i in range(calls)), f"the sum is {total}")
    report = shell.report()
    expect(report == "ended 0", f"{report}:", shell.text())
    until(lambda: all(state_of(worker) in (None, "Z") for worker in workers), "the workers' end")
    shell.close()


def replaced(subject):
    """A program that is replaced on disk while it runs still starts workers, which are itself and not the new one."""
    # Beside the original, where it finds its libraries.
    copy = pathlib.Path(f"{subject}-{os.getpid()}")
    shutil.copy2(subject, copy)
    try:
        process = subprocess.Popen([copy, "replaced"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        expect(process.stdout.readline() == "ready\n", "the program is not ready")
        other = copy.with_suffix(".new")
        other.write_text("#!/bin/sh\necho this is another program\n")
        other.chmod(0o755)
        other.rename(copy)
        try:
            out, _ = process.communicate("\n", timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failure("the program does not end") from None
        expect(out.splitlines() == ["forked 49", "spawned 49", "executed 49"], out)
        expect(process.returncode == 0, f"exit code {process.returncode}")
    finally:
        copy.unlink()


def main():
    subject, name = sys.argv[1:]
    tests = {test.__name__: test for test in (ctrl_c, ctrl_z, replaced)}
    try:
        tests[name](os.path.abspath(subject))
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
