#!/usr/bin/env python3
"""purity: proves that the pure folders hold neither DPDK, OpenSSL, sockets, clocks, heap, stdio nor
threads.

What is pure is told twice, and both must agree: by the table FOLDERS below, and by the build, which
compiles pure sources with -DWEIR_PURE=1. Then it is proved twice:
- by includes: each pure source and every header it reaches includes only headers of the tree and
  those of ALLOWED_HEADERS;
- by symbols: what a pure object leaves undefined (`nm -u`) is defined in another pure object or
  stands in ALLOWED_SYMBOLS. So a function that is only declared by hand is found too.
"""
import os
import re
import subprocess
import sys

import tree

# Every source that matches is pure, unless it stands in IMPURE with the reason. Two folders hold both kinds.
FOLDERS = ["engine/base/*.c", "engine/wire/*.c", "engine/tcp/*.c", "engine/smtp/*.c", "engine/mime/*.c",
           "engine/relay/*.c", "policy/*.c", "pmd-config/plan*.c", "pmd-config/toeplitz*.c",
           "pmd-config/rss*.c", "crypto-offload/tls_fake*.c", "bench/gen/gen.c", "bench/gen/leg*.c",
           "bench/gen/ledger*.c", "bench/gen/mail*.c", "bench/gen/sha256.c", "bench/gen/numbers.c", "bench/gen/crowd.c",
           "bench/gen/traits.c", "bench/gen/net_tcp*.c", "bench/gen/schedule*.c",
           "bench/gen/sender*.c", "bench/gen/sink*.c"]
IMPURE = {"policy/match_hs*.c": "drives Hyperscan; match_plain.c is its pure oracle"}
ALLOWED_HEADERS = {"stdint.h", "stdbool.h", "stddef.h", "string.h", "limits.h"}

ALLOWED_SYMBOLS = {"memcpy", "memmove", "memset", "memcmp", "memchr",
                   # gcc and clang turn loops and comparisons into these by themselves
                   "strlen", "bcmp",
                   # the counter of coverage marks, brought by the test that turns them on
                   "sometimes_reached"}
# The compiler's own runtime: fortified copies, stack protector, 128-bit arithmetic, position-independent
# code, sanitizers, coverage, fuzzer.
RUNTIME = re.compile(r"__(memcpy|memmove|memset)_chk$|__stack_chk_(fail|guard)$|__(u?div|u?mod|mul|ashl|[al]shr)"
                     r"\w?i\d$|__(popcount|clz|ctz|bswap|parity)[sdt]i2$|_GLOBAL_OFFSET_TABLE_$|__tls_get_addr$"
                     r"|__(asan|ubsan|tsan|msan|sanitizer|gcov|llvm_profile)_\w+$|__start___\w+$|__stop___\w+$")


def declared_pure(root):
    sources = [path for path in tree.source_files(root) if tree.matches(path, FOLDERS)]
    return [path for path in sources if not tree.matches(path, IMPURE)]


def agreement(report, root, commands):
    """What the table names is built, and built as pure. What the build adds (pmd-config's argument
    writer, for one) only has to keep the rules."""
    built = {command.source for command in commands}
    pure = {command.source for command in commands if command.pure}
    for path in declared_pure(root):
        faults = []
        if path not in built:
            faults.append("is in a pure folder but no target builds it")
        elif path not in pure:
            faults.append("is in a pure folder but is not built with -DWEIR_PURE=1")
        report.case(path, faults)
    return pure


def reached(root, sources):
    """Each file of the tree that pure sources are made of -> one source that reaches it."""
    origin = {path: path for path in sources}
    todo = list(sources)
    while todo:
        path = todo.pop()
        for name, quoted, _ in tree.includes(tree.read(root, path)):
            target = tree.resolve(root, path, name) if quoted else None
            if target is not None and target not in origin:
                origin[target] = origin[path]
                todo.append(target)
    return origin


def include_faults(root, path, origin):
    faults = []
    for name, quoted, line in tree.includes(tree.read(root, path)):
        through = "" if origin == path else f" (reached from {origin})"
        if quoted and tree.resolve(root, path, name) is None:
            faults.append(f"line {line} includes \"{name}\", which is not in the tree{through}")
        elif not quoted and name not in ALLOWED_HEADERS:
            faults.append(f"line {line} includes <{name}>{through}")
    return faults


def symbols(nm, paths):
    """object -> names it leaves undefined, and the set of names that any of the objects defines."""
    undefined, defined = {path: set() for path in paths}, set()
    if not paths:
        return undefined, defined
    text = subprocess.run([nm, "-A", *paths], check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in text.splitlines():
        path, _, rest = line.partition(":")
        kind, name = rest.split()[-2:]
        if kind in "Uvw":
            undefined[path].add(name)
        elif kind.isupper():
            defined.add(name)
    return undefined, defined


def symbol_cases(report, commands, nm):
    sources = {}
    for command in commands:
        if command.pure and os.path.isfile(command.object):
            sources[command.object] = command.source
        elif command.pure:
            report.case(command.source, [f"was not compiled: there is no {command.object}"])
    undefined, ours = symbols(nm, sorted(sources))
    for path, source in sorted(sources.items()):
        foreign = sorted(name for name in undefined[path] - ours - ALLOWED_SYMBOLS if not RUNTIME.match(name))
        report.case(source, [f"needs {name}, which no pure object defines ({os.path.basename(path)})"
                             for name in foreign])


def main():
    root, build = tree.arguments("purity.py")
    report = tree.Report("purity")
    commands = tree.commands(root, build)
    if not commands:
        report.case(build, ["holds no compile_commands.json: give a build directory of meson's"])
        return report.close()
    pure = agreement(report, root, commands)
    for path, origin in sorted(reached(root, sorted(pure)).items()):
        report.case(path, include_faults(root, path, origin))
    symbol_cases(report, commands, os.environ.get("NM", "nm"))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
