"""tree.py: what the tidy checkers share: finding source files, reading meson's compile commands,
taking comments and literals out of C, and the report with its closing line.

A checker is called as `CHECKER SOURCE_ROOT BUILD_DIR`, looks at the tree as it is on disk, prints one
line for each thing that is wrong, and ends with `tidy/NAME: N passed, N failed`. It changes nothing.
"""
import fnmatch
import json
import os
import re
import shlex
import sys

C_SUFFIXES = (".c", ".h", ".def")
CODE_SUFFIXES = C_SUFFIXES + (".py", ".sh", ".build", ".options")
# Files without a suffix that are programs all the same start with these two bytes.
SHEBANG = b"#!"


class Report:
    """Counts cases; a case is a file or a rule, and everything wrong with it is printed."""

    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.failed = 0

    def case(self, what, faults):
        for fault in faults:
            print(f"{what}: {fault}")
        if faults:
            self.failed += 1
        else:
            self.passed += 1

    def close(self):
        """The closing line, and the exit status."""
        if self.passed + self.failed == 0:
            print(f"{self.name}: nothing was found to look at")
            self.failed = 1
        print(f"tidy/{self.name}: {self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def arguments(usage):
    if len(sys.argv) != 3:
        sys.exit(f"usage: {usage} SOURCE_ROOT BUILD_DIR")
    return os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])


def source_files(root):
    """Paths, relative to the root, of all files but hidden ones and those of build directories."""
    found = []
    for folder, folders, names in os.walk(root):
        if "build.ninja" in names or "meson-private" in folders:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders
                            if not name.startswith(".") and name not in ("__pycache__", "build"))
        found += [os.path.relpath(os.path.join(folder, name), root)
                  for name in sorted(names) if not name.startswith(".")]
    return found


def is_corpus(path):
    """Samples and recordings are material, not code."""
    parts = path.split(os.sep)[:-1]
    return any(part.endswith(("corpus", "corpora", "golden")) for part in parts)


def is_code(root, path):
    if is_corpus(path):
        return False
    if path.endswith(CODE_SUFFIXES):
        return True
    if "." in os.path.basename(path):
        return False
    with open(os.path.join(root, path), "rb") as file:
        return file.read(2) == SHEBANG


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


C_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def c_without(text, literals=True):
    """C source with comments (and the insides of literals) blanked; line numbers stay true."""
    def blank(match):
        token = match.group(0)
        if token[0] == "/":
            return " " + "\n" * token.count("\n")
        return token[0] + token[-1] if literals else token
    return C_TOKEN.sub(blank, text)


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.MULTILINE)


def includes(text):
    """(name, quoted?, line) of each include."""
    text = c_without(text, literals=False)
    return [(match[1] or match[2], bool(match[1]), text.count("\n", 0, match.start()) + 1)
            for match in INCLUDE.finditer(text)]


def resolve(root, path, name):
    """The file of the tree that an include names, as the project's include path finds it."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    for candidate in (beside, os.path.join("engine", name), name):
        if not candidate.startswith("..") and os.path.isfile(os.path.join(root, candidate)):
            return os.path.normpath(candidate)
    return None


class Command:
    """One compile command: its source relative to the root, its object, its flags."""

    def __init__(self, root, build, entry):
        args = entry.get("arguments") or shlex.split(entry["command"])
        self.source = os.path.relpath(os.path.join(build, entry["file"]), root)
        self.object = os.path.join(build, entry.get("output") or args[args.index("-o") + 1])
        at = next(i for i, arg in enumerate(args) if arg.startswith("-"))
        self.compiler = args[at - 1]
        self.flags = plain_flags(args[at:], entry["file"])

    @property
    def pure(self):
        return "-DWEIR_PURE=1" in self.flags


def plain_flags(args, source):
    """Flags without what names this one source, its object and its dependency file."""
    flags, skip = [], False
    for arg in args:
        if skip:
            skip = False
        elif arg in ("-o", "-MF", "-MQ", "-MT"):
            skip = True
        elif arg not in ("-c", "-MD", "-MMD", source):
            flags.append(arg)
    return flags


def commands(root, build):
    """Compile commands of the tree's own sources; empty when the build directory has none."""
    path = os.path.join(build, "compile_commands.json")
    if not os.path.isfile(path):
        return []
    with open(path, encoding="utf-8") as file:
        entries = json.load(file)
    found = [Command(root, build, entry) for entry in entries]
    return [command for command in found if not command.source.startswith("..")]
