#!/usr/bin/env python3
"""tidy_test: the checkers are checked: each is run over small made-up trees, a clean one and one for
each rule, broken. A checker that lets a broken tree pass, or a clean one fail, fails here.

Takes the same two arguments as the checkers, and needs neither: it makes its trees in a temporary
directory and compiles them with $CC or cc.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CC = os.environ.get("CC", "cc").split()[-1]
STRICT = ["-Wall", "-Werror", "-Wvla"]
PURE = STRICT + ["-DWEIR_PURE=1"]

HEADER = "#ifndef ADDER_H\n#define ADDER_H\n#include <stdint.h>\nuint32_t add(uint32_t a, uint32_t b);\n#endif\n"
SOURCE = '#include "base/adder.h"\n\nuint32_t add(uint32_t a, uint32_t b)\n{\n\treturn a + b;\n}\n'
CLEAN = {"engine/base/adder.h": HEADER, "engine/base/adder.c": SOURCE}
# What builds a function of any number of lines.
LONG = "int long_one(void);\n\nint long_one(void)\n{{\n{}\treturn 0;\n}}\n"


class Tree:
    """Files under a temporary root; sources are compiled with the flags given for them."""

    def __init__(self, root, files, flags):
        self.root = root
        self.build = os.path.join(root, "build")
        os.makedirs(self.build)
        for path, text in files.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        entries = [self.compile(path, flags.get(path, PURE)) for path in files
                   if path.endswith(".c") and flags.get(path, PURE) is not None]
        with open(os.path.join(self.build, "compile_commands.json"), "w", encoding="utf-8") as file:
            json.dump(entries, file)

    def compile(self, path, flags):
        out = path.replace("/", "_") + ".o"
        source = os.path.join("..", path)
        command = [CC, *flags, "-I../engine", "-I..", "-o", out, "-c", source]
        done = subprocess.run(command + ["-Wno-error"], cwd=self.build, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise SystemExit(f"the made-up source {path} does not compile:\n{done.stdout}")
        return {"directory": self.build, "command": " ".join(command), "file": source, "output": out}


def run(checker, files, flags=None, without_commands=False):
    """(status, passed, failed, output) of a checker over a made-up tree."""
    with tempfile.TemporaryDirectory() as root:
        tree = Tree(root, files, flags or {})
        if without_commands:
            os.remove(os.path.join(tree.build, "compile_commands.json"))
        done = subprocess.run([sys.executable, os.path.join(HERE, checker + ".py"), root, tree.build],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = done.stdout.strip().splitlines()
    closing = re.fullmatch(rf"tidy/{checker}: (\d+) passed, (\d+) failed", lines[-1]) if lines else None
    if closing is None:
        return done.returncode, -1, -1, done.stdout
    return done.returncode, int(closing[1]), int(closing[2]), done.stdout


def passes(checker, files=None, flags=None):
    status, passed, failed, output = run(checker, {**CLEAN, **(files or {})}, flags)
    return status == 0 and passed > 0 and failed == 0, output


def finds(checker, text, files, flags=None, without_commands=False, failures=1):
    """Is a broken tree refused, with these words and this number of failed cases?"""
    status, _, failed, output = run(checker, {**CLEAN, **files}, flags, without_commands)
    return status == 1 and failed == failures and text in output, output


def source(body, *headers):
    lines = [f"#include {header}" for header in headers]
    return "\n".join(lines) + "\nint probe(void);\n\nint probe(void)\n{\n\t" + body + "\n}\n"


def purity_cases():
    base = "engine/base/probe.c"
    yield "purity: a clean tree passes", passes("purity")
    yield "purity: allowed copies pass", passes("purity", {base: source(
        "char a[64]; memset(a, 1, sizeof(a)); return memcmp(a, a + 1, (unsigned)a[0]);", "<string.h>")})
    yield "purity: calls between pure folders pass", passes("purity", {
        "engine/wire/probe.c": source("return (int)add(1, 2);", '"base/adder.h"')})
    yield "purity: a forbidden header is found", finds(
        "purity", "line 1 includes <stdio.h>", {base: source("return 0;", "<stdio.h>")})
    yield "purity: a forbidden header is found through another", finds(
        "purity", "includes <time.h> (reached from engine/base/probe.c)",
        {base: source("return 0;", '"base/clock.h"'), "engine/base/clock.h": "#include <time.h>\n"})
    yield "purity: a call declared by hand is found in the object", finds(
        "purity", "needs malloc", {base: "void *malloc(unsigned long);\nvoid *probe(void);\n"
                                         "void *probe(void)\n{\n\treturn malloc(1);\n}\n"})
    yield "purity: a call into an impure object is found", finds(
        "purity", "needs outside", {base: "int outside(void);\n" + source("return outside();"),
                                    "engine/run/outside.c": "int outside(void);\nint outside(void)\n{\n"
                                                            "\treturn 1;\n}\n"},
        {"engine/run/outside.c": STRICT})
    yield "purity: an include in a comment is none", passes("purity", {
        base: "/*\n#include <stdio.h>\n*/\n" + source("return 0;")})
    yield "purity: a source that is not built as pure is found", finds(
        "purity", "is not built with -DWEIR_PURE=1", {base: source("return 0;")}, {base: STRICT})
    yield "purity: a source that nothing builds is found", finds(
        "purity", "no target builds it", {base: source("return 0;")}, {base: None})
    yield "purity: the Hyperscan matcher may be impure", passes("purity", {
        "policy/match_hs.c": source('return puts("x");', "<stdio.h>")}, {"policy/match_hs.c": STRICT})
    yield "purity: a build without commands is refused", finds(
        "purity", "compile_commands.json", {}, without_commands=True)


def sizes_cases():
    line = "\t(void)0;\n"
    path = "tests/unit/long.c"  # the median is asked of the product only
    yield "sizes: a clean tree passes", passes("sizes")
    yield "sizes: a function of 60 lines passes", passes("sizes", {path: LONG.format(line * 57)})
    yield "sizes: a function of 61 lines is found", finds(
        "sizes", "long_one at line 4 has 61 lines", {path: LONG.format(line * 58)})
    yield "sizes: a brace behind the parameters hides no function", finds(
        "sizes", "long_one at line 1 has 61 lines",
        {path: "int long_one(void) {\n" + line * 58 + "\treturn 0;\n}\n"})
    yield "sizes: a brace in a comment or a string ends none", finds(
        "sizes", "has 61 lines", {path: LONG.format('/*\n}\n*/\n\t(void)"}";\n' + line * 54)})
    yield "sizes: a file of 600 lines passes", passes("sizes", {path: "/* x */\n" * 600})
    yield "sizes: a file of 601 lines is found", finds("sizes", "has 601 lines", {path: "/* x */\n" * 601})
    yield "sizes: tables and corpora are exempt", passes("sizes", {
        "engine/base/long.def": "ROW(1)\n" * 700, "tests/fuzz/line_corpus/long.c": "/* x */\n" * 700},
        {"tests/fuzz/line_corpus/long.c": None})
    yield "sizes: a long Python function is found", finds(
        "sizes", "slow at line 1 has 61 lines", {"bench/slow.py": "def slow():\n" + "    pass\n" * 60})
    yield "sizes: a program without a suffix is measured", finds(
        "sizes", "has 602 lines", {"tests/program": "#!/bin/sh\n" + "true\n" * 601})
    many = "".join(f"int f{i}(void);\nint f{i}(void)\n{{\n" + line * 14 + "\treturn 0;\n}\n" for i in range(9))
    yield "sizes: a median over 15 lines is found", finds("sizes", "median of 17", {"engine/base/many.c": many})
    yield "sizes: tests may have longer ones", passes("sizes", {path: many})


def headers_cases():
    neighbour = {"engine/base/lone.h": "#include <stdint.h>\nstruct lone {\n\tuint8_t a;\n};\n"}
    guarded = {"engine/base/lone.h": "#ifndef L\n#define L\n#include <stdint.h>\nextern uint8_t lone;\n#endif\n"}
    yield "headers: a clean tree passes", passes("headers", guarded)
    yield "headers: a header without a guard is found", finds("headers", "redefinition", neighbour)
    yield "headers: a header that needs another is found", finds(
        "headers", "uint8_t", {"engine/base/lone.h": "#ifndef L\n#define L\nextern uint8_t lone;\n#endif\n"})
    yield "headers: a function that is not inline is found", finds(
        "headers", "unused", {"engine/base/lone.h": "#ifndef L\n#define L\nstatic int f(void)\n{\n\treturn 1;\n}\n"
                                                    "#endif\n"})
    fixture = "#ifndef L\n#define L\nstatic int f(void)\n{\n\treturn 1;\n}\n#endif\n"
    yield "headers: a fixture may hold what a test does not use", passes("headers", {"tests/unit/fixture.h": fixture})
    outside = {"engine/run/eth.c": source("return 0;"), "engine/run/eth.h": "#include <no_such_driver.h>\n"}
    yield "headers: what a part build leaves out is not compiled", passes(
        "headers", outside, {"engine/run/eth.c": None})
    yield "headers: a whole build leaves nothing out", finds(
        "headers", "engine/run/eth.h: no target builds its neighbour",
        {**outside, "engine/run/main.c": source("return 0;")}, {"engine/run/eth.c": None})
    yield "headers: a build without commands is refused", finds(
        "headers", "compile_commands.json", {}, without_commands=True)


def words_cases():
    path = "engine/base/word.c"
    for word in ["TODO", "FIXME", "XXX", "not implemented", "Not yet implemented", "for now", "stub", "Stubs"]:
        yield f"words: '{word}' is found", finds("words", f'"{word}"', {path: f"/* {word}: later */\n"})
    yield "words: a word in a script is found", finds("words", "line 2", {"tests/go": "#!/bin/sh\n# TODO\n"})
    yield "words: longer words pass", passes("words", {
        path: "/* stubborn mkXXXXXX, TODOS, before nowhere, for nowadays */\n"})
    for name in ["strcpy", "strcat", "sprintf", "vsprintf", "strtok", "gets", "alloca", "__builtin_alloca"]:
        yield f"words: {name} is found", finds("words", f"{name} is banned", {path: f"#define X(a) {name} (a)\n"})
    yield "words: a banned name in a comment, a string or a longer name passes", passes("words", {
        path: '/* strcpy(a) */\n#define X "strcat(a)"\n#define Y(a) my_sprintf(a) snprintf(a)\n'})
    yield "words: a build that permits variable-length arrays is found", finds(
        "words", f"{path} is not", {path: source("return 0;")}, {path: ["-Werror"]})
    yield "words: a build in which warnings are none is found", finds(
        "words", "-Werror", {path: source("return 0;")}, {path: ["-Wvla"]})
    yield "words: a build without commands is refused", finds(
        "words", "compile_commands.json", {}, without_commands=True)


HOMES = ["engine/base", "engine/wire", "engine/tcp", "engine/smtp", "engine/mime", "engine/relay", "engine/run",
         "policy", "pmd-config", "crypto-offload", "bench", "tests/unit"]
# What stands in each row may be included from there; every other pair of HOMES is refused.
MAY = {
    "engine/base": "", "engine/wire": "base", "engine/tcp": "base wire", "engine/smtp": "base",
    "engine/mime": "base", "policy": "base", "pmd-config": "base", "crypto-offload": "base",
    "engine/relay": "base tcp smtp mime policy crypto-offload",
    "engine/run": "base wire tcp smtp mime relay policy pmd-config crypto-offload",
    "bench": "base wire tcp smtp crypto-offload pmd-config",
    "tests/unit": "base wire tcp smtp mime relay run policy pmd-config crypto-offload bench",
}


def include_name(home):
    name = home if home.startswith("tests") else home.replace("engine/", "")
    return f"{name}/thing.h"


def arrow_matrix():
    """Every pair of folders at once: exactly the forbidden ones are named."""
    files = {f"{home}/thing.h": "#define THING 1\n" for home in HOMES}
    expected = set()
    for home in HOMES:
        for target in HOMES:
            path = f"{home}/to_{target.replace('/', '_')}.c"
            files[path] = f'#include "{include_name(target)}"\n'
            short = target.replace("engine/", "")
            if target != home and short not in MAY[home].split():
                expected.add(path)
    _, passed, failed, output = run("arrows", files)
    named = {line.split(":")[0] for line in output.splitlines() if "may not include" in line}
    good = named == expected and failed == len(expected) and passed == len(files) - failed
    return good, output + f"\nwrongly judged: {sorted(named ^ expected)}"


def arrows_cases():
    private = {"engine/smtp/inner_int.h": "#define INNER 1\n"}
    settings = {"policy/settings.h": "#define SETTINGS 1\n", "policy/policy.h": "#define POLICY 1\n"}
    yield "arrows: a clean tree passes", passes("arrows")
    yield "arrows: each pair of folders is judged by the table", arrow_matrix()
    yield "arrows: a private header passes at home and in tests", passes("arrows", {
        **private, "engine/smtp/a.c": '#include "smtp/inner_int.h"\n',
        "tests/unit/a_test.c": '#include "smtp/inner_int.h"\n'})
    yield "arrows: a private header abroad is found", finds(
        "arrows", "private to engine/smtp", {**private, "engine/relay/a.c": '#include "smtp/inner_int.h"\n'})
    yield "arrows: the loader may include the settings", passes("arrows", {
        **settings, "pmd-config/config_file.c": '#include "policy/settings.h"\n'})
    yield "arrows: the plan may not", finds(
        "arrows", "may not include", {**settings, "pmd-config/plan.c": '#include "policy/settings.h"\n'})
    yield "arrows: nor may the loader include the rest of policy", finds(
        "arrows", "may not include", {**settings, "pmd-config/config_file.c": '#include "policy/policy.h"\n'})
    yield "arrows: the generator may use the loop and not the rest of run", finds(
        "arrows", "run/log.h", {"engine/run/worker.h": "", "engine/run/log.h": "",
                                "bench/gen/a.c": '#include "run/worker.h"\n', "bench/gen/b.c": '#include "run/log.h"\n'})
    yield "arrows: a source as include is found", finds(
        "arrows", "is a source", {"tests/unit/a_test.c": '#include "base/adder.c"\n'})
    yield "arrows: an include of nothing is found", finds(
        "arrows", "not in the tree", {"engine/base/a.c": '#include "base/gone.h"\n'},
        {"engine/base/a.c": None})
    yield "arrows: an include without its folder is found", finds(
        "arrows", "without its folder", {"engine/base/a.c": '#include "adder.h"\n'})
    yield "arrows: a table includes under the same rules", finds(
        "arrows", "may not include", {**settings, "engine/base/a.def": '#include "policy/policy.h"\n'})
    yield "arrows: a source outside every folder is found", finds(
        "arrows", "belongs to no folder", {"engine/other/a.c": "int x;\n"})


def main():
    passed = failed = 0
    for group in (purity_cases, sizes_cases, headers_cases, words_cases, arrows_cases):
        for name, (good, output) in group():
            passed += good
            failed += not good
            if not good:
                print(f"FAILED {name}; the checker said:\n{output.rstrip()}\n")
    print(f"tidy/tidy_test: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
