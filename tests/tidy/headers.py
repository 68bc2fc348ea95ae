#!/usr/bin/env python3
"""headers: each header compiles alone, and twice in a row, with the flags of the project.

The flags are those of the source next to it (the one whose name is nearest), taken from the build's
compile commands. A header whose neighbour this build leaves out (DPDK or OpenSSL in a pure-only build)
is counted as left out, which a whole build does not allow.
"""
import concurrent.futures
import os
import subprocess
import sys

import tree

JOBS = 2
# A fixture may offer more than each test uses, or leave a function for the test to define; a header of the
# product may not. So fixtures have to be free of errors, the product of warnings too.
FIXTURE_FLAGS = ["-w"]
# The folder whose sources only a whole build compiles.
WHOLE = "engine/run/"


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def nearest(header, sources):
    """The source of the same folder that shares the longest beginning of its name, or None."""
    beside = [path for path in sources if os.path.dirname(path) == os.path.dirname(header)]
    name = stem(header)
    return max(beside, key=lambda path: (len(os.path.commonprefix([name, stem(path)])), path == header,
                                         -len(path)), default=None)


def command_for(header, sources, by_source, whole):
    """The compile command to borrow, or None when this build leaves the header's neighbour out."""
    source = nearest(header, sources)
    if source in by_source:
        return by_source[source]
    if source is not None and not (whole and header.startswith("tests/")):
        return None
    built = nearest(header, by_source)
    return by_source[built] if built else fallback(by_source)


def fallback(by_source):
    """For a header that has the folder to itself: the flags of any pure source."""
    return next((by_source[path] for path in sorted(by_source) if by_source[path].pure),
                next(iter(by_source.values())))


def compile_alone(root, build, header, command):
    """What the compiler says about a source that is nothing but this header, twice."""
    folder = os.path.dirname(header)
    path = os.path.join(root, header)
    text = f'#include "{path}"\n#include "{path}"\n'
    flags = command.flags + (FIXTURE_FLAGS if header.startswith("tests/") else [])
    done = subprocess.run([command.compiler, *flags, "-fdiagnostics-color=never", "-I", os.path.join(root, folder), "-x", "c",
                           "-S", "-o", os.devnull, "-"], input=text, cwd=build, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return [] if done.returncode == 0 else ["does not compile alone:\n" + done.stdout.rstrip()]


def main():
    root, build = tree.arguments("headers.py")
    report = tree.Report("headers")
    by_source = {command.source: command for command in tree.commands(root, build)}
    if not by_source:
        report.case(build, ["holds no compile_commands.json: give a build directory of meson's"])
        return report.close()
    files = [path for path in tree.source_files(root) if not tree.is_corpus(path)]
    sources = [path for path in files if path.endswith(".c")]
    whole = any(path.startswith(WHOLE) for path in by_source)
    chosen = {path: command_for(path, sources, by_source, whole)
              for path in files if path.endswith(".h")}
    left_out = sorted(path for path, command in chosen.items() if command is None)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        faults = {path: pool.submit(compile_alone, root, build, path, command)
                  for path, command in chosen.items() if command is not None}
        for path in sorted(faults):
            report.case(path, faults[path].result())
    report.case("headers left out", [f"{path}: no target builds its neighbour" for path in left_out]
                if whole else [])
    if left_out and not whole:
        print(f"left out with what this build leaves out: {' '.join(left_out)}")
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
