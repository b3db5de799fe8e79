#!/usr/bin/env python3
"""Says for each of the numbered rules which tests prove it, and whether they pass.

    rules.py LOG NAMES [--brief]    LOG is what the doctest program printed with --duration, NAMES its --list-test-cases

A test proves the rules that its name begins with: "rule 24: ...", "rule 55, rule 8: ...", "rules 3 and 9: ...", "rules 74
to 76: ...". Rules 1 to 94 must all have tests; of the later ones those that have some are told. How a rule differs from
asyncio's is read from rules.txt beside this file. With --brief only the rules that fail are told.

Ends with the line "N passed, N failed", which counts rules, and exits with 1 when one failed.
"""

import pathlib
import re
import sys
import textwrap

REQUIRED = range(1, 95)
WIDTH = 110
INDENT = " " * 18


def rules_of(name):
    """The numbers of the rules that the name of a test begins with."""
    head = re.match(r"rules? (\d+(?:(?:, | and | to |, and )(?:rules? )?\d+)*):", name)
    if not head:
        return []
    rules = []
    for word, number in re.findall(r"(to )?(?:rules? )?(\d+)", head.group(1)):
        rules += range(rules[-1] + 1 if word else int(number), int(number) + 1)
    return rules


def results_of(log):
    """Which tests came to their end, and which of them failed."""
    ended, failed, name = set(), set(), None
    for line in log.splitlines():
        if line.startswith("===="):
            name = None
        elif line.startswith("TEST CASE:"):
            name = line.removeprefix("TEST CASE:").strip()
        elif name and re.search(r" (FATAL )?ERROR: ", line):
            failed.add(name)
        elif duration := re.match(r"[0-9.]+ s: (.*)", line):
            ended.add(duration.group(1).strip())
    return ended, failed


def read_adaptations():
    adaptations = {}
    for line in (pathlib.Path(__file__).parent / "rules.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            number, text = line.split(" ", 1)
            adaptations[int(number)] = text
    return adaptations


def show(rule, verdict, lines):
    for i, line in enumerate(lines or [""]):
        begin = f"{rule:>5}   {verdict:<10}" if i == 0 else INDENT
        print(textwrap.fill(line, WIDTH, initial_indent=begin, subsequent_indent=INDENT + "  ", break_on_hyphens=False))


def main():
    log, names, *options = sys.argv[1:]
    brief = "--brief" in options
    ended, failed = results_of(pathlib.Path(log).read_text(errors="replace"))
    tests = {rule: [] for rule in REQUIRED}
    for name in pathlib.Path(names).read_text().splitlines():
        for rule in rules_of(name):
            tests.setdefault(rule, []).append(name.strip())
    adaptations = read_adaptations()

    passed = 0
    if not brief:
        print(f"{'rule':>5}   {'result':<10}tests")
    for rule in sorted(tests):
        lines = []
        good = bool(tests[rule])
        for name in tests[rule]:
            note = "FAILED: " if name in failed else "" if name in ended else "DID NOT END: "
            good = good and not note
            title = name.split(": ", 1)[1]
            lines.append(note + title)
        if not lines:
            lines = ["no test has this rule in its name"]
        if rule in adaptations:
            lines.append("adapted: " + adaptations[rule])
        passed += good
        verdict = "passed" if good else "FAILED" if tests[rule] else "MISSING"
        if not brief or not good:
            show(rule, verdict, lines)
    if not brief:
        print()
    print(f"{passed} passed, {len(tests) - passed} failed")
    return passed < len(tests)


if __name__ == "__main__":
    sys.exit(main())
