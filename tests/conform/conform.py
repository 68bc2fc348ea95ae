#!/usr/bin/env python3
"""conform: every requirement has its tests, and every test that is named exists.

musts.txt lists MUST-1 to MUST-69 of RFC 9293, attacks.txt T6.1 to T6.36. A line is an id, what is asked and, behind
a bar, where it is shown: scripts by their path under tests/script/tcp, units by folder/name, `matrix`, `fuzz NAME`;
or `no:` and a reason.
"""
import os
import re
import sys

LINE = re.compile(r"^(\S+)\s+(.+?) \| (.+)$")
LISTS = [("musts.txt", [f"MUST-{n}" for n in range(1, 70)]),
         ("attacks.txt", [f"T6.{n}" for n in range(1, 37)])]


def unit_exists(root, name):
    folder, _, unit = name.partition("/")
    if not os.path.exists(f"{root}/tests/unit/{folder}/{unit}_test.c"):
        return False
    lists = [entry for entry in os.listdir(f"{root}/tests/unit/{folder}") if entry.startswith("TESTS")]
    return any(unit in open(f"{root}/tests/unit/{folder}/{entry}").read().split() for entry in lists)


def missing(root, words):
    """The named tests that do not exist."""
    lost, words = [], list(words)
    while words:
        word = words.pop(0)
        if word == "fuzz":
            word = words.pop(0) if words else ""
            found = os.path.exists(f"{root}/tests/fuzz/{word}.c")
        elif word == "matrix":
            found = os.path.exists(f"{root}/tests/conform/matrix.txt")
        else:
            found = os.path.exists(f"{root}/tests/script/tcp/{word}.seg") or unit_exists(root, word)
        if not found:
            lost.append(word)
    return lost


def fault_of(root, where):
    if where.startswith("no:"):
        return None if len(where) > 20 else "needs a reason"
    lost = missing(root, where.split())
    return f"names what does not exist: {' '.join(lost)}" if lost else None


def read(path):
    lines = [line.rstrip("\n") for line in open(path)]
    return [line for line in lines if line and not line.startswith("#")]


def check(root, name, wanted):
    """(cases, faults) of one list."""
    faults, seen = [], []
    for line in read(f"{root}/tests/conform/{name}"):
        match = LINE.match(line)
        if not match:
            faults.append(f"{name}: not a line of the form: {line}")
            continue
        seen.append(match[1])
        fault = fault_of(root, match[3])
        if fault:
            faults.append(f"{name}: {match[1]} {fault}")
    faults += [f"{name}: {key} is missing" for key in wanted if key not in seen]
    faults += [f"{name}: {key} stands there twice or is unknown" for key in seen
               if seen.count(key) > 1 or key not in wanted]
    return len(wanted), faults


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    cases, faults = 0, []
    for name, wanted in LISTS:
        count, found = check(root, name, wanted)
        cases += count
        faults += found
    for fault in faults:
        print(fault)
    print(f"conform: {cases - min(len(faults), cases)} passed, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
