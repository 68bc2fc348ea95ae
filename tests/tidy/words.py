#!/usr/bin/env python3
"""words: no promise of later work in the code, no banned function, no variable-length array.

What is not done stands, with its reason, in the "Limits" section of the README of its folder. Words are
looked for everywhere, functions outside comments and literals. Variable-length arrays are the
compiler's to find: each compile command must carry -Wvla and -Werror.
"""
import re
import sys

import tree

# This folder names the words in order to forbid them.
EXEMPT = ["tests/tidy/words.py", "tests/tidy/tidy_test.py"]

WORDS = [(re.compile(r"\b(TODO|FIXME|XXX)\b"), "a note for later"),
         (re.compile(r"\bnot (yet )?implemented\b", re.IGNORECASE), "a gap"),
         (re.compile(r"\bfor now\b", re.IGNORECASE), "a promise"),
         (re.compile(r"\bstub(s|bed)?\b", re.IGNORECASE), "a stand-in")]
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|strtok|gets|alloca|__builtin_alloca)\s*\(")
NEEDED_FLAGS = ["-Wvla", "-Werror"]


def line_of(text, match):
    return text.count("\n", 0, match.start()) + 1


def faults_of(path, text):
    faults = []
    for pattern, kind in WORDS:
        faults += [f"line {line_of(text, match)}: {kind}: \"{match[0]}\"" for match in pattern.finditer(text)]
    if path.endswith(tree.C_SUFFIXES):
        code = tree.c_without(text)
        faults += [f"line {line_of(code, match)}: {match[1]} is banned" for match in BANNED.finditer(code)]
    return faults


def flag_cases(report, commands):
    for flag in NEEDED_FLAGS:
        without = sorted({command.source for command in commands if flag not in command.flags})
        report.case(f"every source is compiled with {flag}", [f"{path} is not" for path in without])


def main():
    root, build = tree.arguments("words.py")
    report = tree.Report("words")
    for path in tree.source_files(root):
        if tree.is_code(root, path) and path not in EXEMPT:
            report.case(path, faults_of(path, tree.read(root, path)))
    commands = tree.commands(root, build)
    if commands:
        flag_cases(report, commands)
    else:
        report.case(build, ["holds no compile_commands.json: give a build directory of meson's"])
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
