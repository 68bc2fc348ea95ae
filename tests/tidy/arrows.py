#!/usr/bin/env python3
"""arrows: each folder includes only from folders that stand below it, and private headers stay home.

The rules are one table, ARROWS: folder -> folders it may include from (its own is always allowed).
Single headers that a folder may borrow from elsewhere stand in BORROWED, with the reason. A `*_int.h`
never leaves its folder but where BORROWED says so, though tests may look inside. An include must name a
file that exists, with its folder (only tests may say "x.h" for a file beside them), and is never a .c file.
"""
import sys

import tree

BASE = ["engine/base"]
ARROWS = {
    "engine/base": [],
    "engine/wire": BASE,
    "engine/tcp": BASE + ["engine/wire"],
    "engine/smtp": BASE,
    "engine/mime": BASE,
    "policy": BASE,
    "crypto-offload": BASE,
    "pmd-config": BASE,
    "engine/relay": BASE + ["engine/tcp", "engine/smtp", "engine/mime", "policy", "crypto-offload"],
    "engine/run": BASE + ["engine/wire", "engine/tcp", "engine/smtp", "engine/mime", "engine/relay", "policy",
                          "crypto-offload", "pmd-config"],
    "bench": BASE + ["engine/wire", "engine/tcp", "engine/smtp", "crypto-offload", "pmd-config"],
    "tests": ["engine", "policy", "crypto-offload", "pmd-config", "bench"],
}
TABLE = "a scenario is a table of settings, as weir's own configuration is"
LOOP = "the generator runs on the engine's own port and loop"
# (files, header): reason
BORROWED = {
    ("pmd-config/config_*", "policy/settings.h"): "the loader fills the settings in",
    ("pmd-config/config_*", "policy/settings_table.h"): "the loader reads types and bounds from the table",
    ("pmd-config/config_*", "policy/domain.h"): "the loader judges domain patterns as the engine will",
    ("bench/steps/*", "policy/policy.h"): "single steps of the engine are measured",
    ("bench/steps/*", "policy/content.h"): "single steps of the engine are measured",
    ("bench/steps/*", "policy/domain.h"): "single steps of the engine are measured",
    ("bench/steps/*", "policy/match_hs.h"): "single steps of the engine are measured",
    ("bench/steps/*", "engine/mime/header.h"): "single steps of the engine are measured",
    ("bench/tool/*", "policy/settings.h"): TABLE,
    ("bench/tool/*", "policy/settings_table.h"): TABLE,
    ("bench/tool/*", "policy/settings_rows.h"): TABLE,
    ("bench/*", "engine/run/worker.h"): LOOP,
    ("bench/*", "engine/run/port_io.h"): LOOP,
    ("bench/*", "engine/run/dpdk_start.h"): LOOP,
    ("bench/*", "engine/run/clock.h"): LOOP,
    ("bench/*", "engine/run/steer.h"): LOOP,
    ("bench/*", "engine/run/crash.h"): LOOP,
    ("bench/micro/tcp_micro.c", "engine/tcp/flow_int.h"): "what finding a connection costs by itself is measured",
    ("bench/micro/tcp_micro.c", "engine/tcp/tuple_int.h"): "what finding a connection costs by itself is measured",
}


def folder_of(path):
    """The folder of the table that a file belongs to, or None."""
    return next((folder for folder in ARROWS if path.startswith(folder + "/")), None)


def may_include(path, home, target):
    if target.startswith(home + "/"):
        return True
    if any(target.startswith(folder + "/") for folder in ARROWS[home]):
        return True
    return is_borrowed(path, target)


def is_borrowed(path, target):
    return any(target == header and tree.matches(path, [files]) for files, header in BORROWED)


def fault_of(path, home, name, target):
    if target is None:
        return f"\"{name}\" is not in the tree"
    if target.endswith(".c"):
        return f"\"{name}\" is a source, not a header"
    if "/" not in name and home != "tests":
        return f"\"{name}\" is named without its folder"
    if not may_include(path, home, target):
        return f"\"{name}\": {home} may not include from there"
    if target.endswith("_int.h") and home not in ("tests", folder_of(target)) and not is_borrowed(path, target):
        return f"\"{name}\" is private to {folder_of(target)}"
    return None


def faults_of(root, path):
    home = folder_of(path)
    if home is None:
        return ["belongs to no folder of the table in arrows.py"]
    faults = []
    for name, quoted, line in tree.includes(tree.read(root, path)):
        fault = fault_of(path, home, name, tree.resolve(root, path, name)) if quoted else None
        if fault:
            faults.append(f"line {line}: {fault}")
    return faults


def main():
    root, _ = tree.arguments("arrows.py")
    report = tree.Report("arrows")
    for path in tree.source_files(root):
        if path.endswith(tree.C_SUFFIXES) and not tree.is_corpus(path):
            report.case(path, faults_of(root, path))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
