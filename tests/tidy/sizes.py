#!/usr/bin/env python3
"""sizes: no file is longer than 600 lines, no function than 60, and half of the product's C functions
have 15 lines or fewer.

Tables (.def) and corpora are exempt. An exception needs its reason beside it, in EXCEPTIONS; one that
is no longer needed is a fault too, so that the list can only shrink by itself.
"""
import ast
import re
import statistics
import sys

import tree

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_MEDIAN = 15
PRODUCT = ("engine/", "pmd-config/", "crypto-offload/", "policy/", "bench/")

# path, or path:function -> the reason
EXCEPTIONS = {}

# A definition starts at the margin and has its brace alone at the margin, as the house style says, or,
# against it, at the end of the line that closes its parameters.
OPENING = re.compile(r"^\{\s*$|^[A-Za-z_][^;={}]*\)\s*\{\s*$")
NAME = re.compile(r"([A-Za-z_]\w*)\s*\(")


def c_functions(text):
    """(name, first line, lines) of each function, from its brace to its brace."""
    lines = tree.c_without(text).split("\n")
    found, i = [], 0
    while i < len(lines):
        if not OPENING.match(lines[i]):
            i += 1
            continue
        end = next((j for j in range(i + 1, len(lines)) if lines[j].startswith("}")), len(lines) - 1)
        found.append((function_name(lines, i), i + 1, end - i + 1))
        i = end + 1
    return found


def function_name(lines, brace):
    """The first called-like name of the paragraph above the brace."""
    first = brace
    while first > 0 and lines[first - 1].strip() and not lines[first - 1].startswith(("}", "#")):
        first -= 1
    head = " ".join(lines[first:brace + 1])
    head = re.sub(r"__attribute__\s*\(\(.*?\)\)", " ", head)
    match = NAME.search(head)
    return match[1] if match else f"line {brace + 1}"


def python_functions(text):
    nodes = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(node.name, node.lineno, node.end_lineno - node.lineno + 1)
            for node in ast.walk(ast.parse(text)) if isinstance(node, nodes)]


def functions_of(path, text):
    if path.endswith((".c", ".h")):
        return c_functions(text)
    if path.endswith(".py") or text.startswith("#!/usr/bin/env python3"):
        return python_functions(text)
    return []


def faults_of(path, text, functions, used):
    faults = []
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        if path in EXCEPTIONS:
            used.add(path)
        else:
            faults.append(f"has {lines} lines, {FILE_LINES_MAX} are allowed")
    for name, line, length in functions:
        if length <= FUNCTION_LINES_MAX:
            continue
        if f"{path}:{name}" in EXCEPTIONS:
            used.add(f"{path}:{name}")
        else:
            faults.append(f"{name} at line {line} has {length} lines, {FUNCTION_LINES_MAX} are allowed")
    return faults


def main():
    root, _ = tree.arguments("sizes.py")
    report = tree.Report("sizes")
    used, product = set(), []
    for path in tree.source_files(root):
        if not tree.is_code(root, path) or path.endswith(".def"):
            continue
        text = tree.read(root, path)
        functions = functions_of(path, text)
        report.case(path, faults_of(path, text, functions, used))
        if path.startswith(PRODUCT) and path.endswith(".c"):
            product += [length for _, _, length in functions]
    for path in EXCEPTIONS:
        report.case(path, [] if path in used else ["stands among the exceptions without need"])
    if product:
        median = statistics.median(product)
        report.case("the product's C functions", [] if median <= FUNCTION_LINES_MEDIAN else
                    [f"have a median of {median} lines, {FUNCTION_LINES_MEDIAN} are allowed"])
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
