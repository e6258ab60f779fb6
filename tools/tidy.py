"""House rules that no other checker knows. `python -m tools.tidy` prints what breaks them; each has a test that fails.

long-file            more than 500 lines without a word in the module's docstring ("Long because ...")
vague-module         a module called utils, helpers, common or manager
outside-name         a package registry's host or a path of one machine in a tracked file
lock-address         an address in a lock file: pins and hashes only
no-docstring         a Python module that does not say what it models
unnamed-migration    a migration that Django named by the date
undrawn-error        an error class that is missing from the tree in its errors.py's docstring
note-without-issue   a note to do something that names no issue
skipped-test         a test that is skipped instead of deselected or made to run
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["RULES", "Problem", "check_file", "main"]

ROOT = Path(__file__).resolve().parent.parent
LINES_MAX = 500
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
# Patterns are written in pieces, so that this file does not break its own rules.
OUTSIDE = re.compile(
    "|".join(
        [
            r"registry\.npm" + "js",
            r"registry\.yarn" + "pkg",
            r"\bpypi\." + "org",
            r"files\.python" + "hosted",
            r"deb\.debian" + r"\.org",
            r"(?<![\w.$}-])/(?:ho" + r"me|ro" + r"ot|wo" + r"rk|Us" + r"ers)/[\w.]",
        ]
    )
)
NOTE = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b(?!\(#\d+\))")
SKIPPED = re.compile(r"\b(?:pytest\.mark\.(?:skip|skipif|xfail)|pytest\.(?:skip|xfail|importorskip)|unittest\.skip)\b")
AUTOMATIC = re.compile(r"^\d{4}_auto_|^\d{4}_alter_.*_and_more\.py$")


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """One broken rule: where, which, and what."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        """Return it the way compilers do."""
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


type Rule = Callable[[Path, str], Iterator[tuple[int, str]]]


def long_file(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Find hand-written sources that are too long to read at a sitting."""
    count = text.count("\n")
    if path.suffix in {".py", ".ts"} and count > LINES_MAX and "Long because" not in text[:2000]:
        yield 1, f'{count} lines; split it, or say "Long because ..." in its docstring'


def vague_module(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Find modules whose name says nothing."""
    if path.suffix in {".py", ".ts"} and (path.stem in VAGUE or VAGUE & set(path.parts[:-1])):
        yield 1, f"{path.stem} does not say what is in it"


def outside_name(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Find hosts of registries and paths of one machine."""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := OUTSIDE.search(line):
            yield number, f"names {match[0]!r}"


def lock_address(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Find addresses in lock files; comments (links to funding pages and the like) do not count in npm's."""
    is_python_lock = path.parent.name == "requirements" and path.suffix == ".txt"
    pattern = "://" if is_python_lock else '"resolved":'
    if is_python_lock or path.name == "package-lock.json":
        for number, line in enumerate(text.splitlines(), start=1):
            if pattern in line:
                yield number, "an address in a lock file"


def no_docstring(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Find Python modules without a docstring; empty ones have nothing to say, tests say it in their names."""
    exempt = not text.strip() or path.parent.name == "migrations" or path.name.startswith("test_")
    if path.suffix == ".py" and not exempt and not ast.get_docstring(ast.parse(text)):
        yield 1, "the module does not say what it models"


def unnamed_migration(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Find migrations that carry the name that Django made up."""
    if path.parent.name == "migrations" and AUTOMATIC.search(path.name):
        yield 1, "name it after what it does: makemigrations --name"


def undrawn_error(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Find error classes that the tree in the module's docstring leaves out."""
    if path.name != "errors.py":
        return
    tree = ast.parse(text)
    drawn = ast.get_docstring(tree) or ""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and _is_error(node) and not re.search(rf"\b{node.name}\b", drawn):
            yield node.lineno, f"{node.name} is not in the tree of the module's docstring"


def note_without_issue(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Find notes that nobody will find again."""
    if path.suffix in {".py", ".ts", ".css", ".html", ".md", ".sh", ".toml", ""}:
        for number, line in enumerate(text.splitlines(), start=1):
            if match := NOTE.search(line):
                yield number, f"{match[0]} without an issue: write its number, {match[0]}(#12), or do it"


def skipped_test(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Find tests that would be green without having run."""
    if path.suffix == ".py" and (path.name.startswith("test_") or path.name == "conftest.py"):
        for number, line in enumerate(text.splitlines(), start=1):
            if match := SKIPPED.search(line):
                yield number, f"{match[0]}: make what it needs available, or deselect it with a word in the summary"


RULES: dict[str, Rule] = {
    "long-file": long_file,
    "vague-module": vague_module,
    "outside-name": outside_name,
    "lock-address": lock_address,
    "no-docstring": no_docstring,
    "unnamed-migration": unnamed_migration,
    "undrawn-error": undrawn_error,
    "note-without-issue": note_without_issue,
    "skipped-test": skipped_test,
}


def _is_error(node: ast.ClassDef) -> bool:
    names = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return any(name.endswith(("Error", "Exception")) for name in [*names, node.name])


def check_file(path: Path, text: str) -> list[Problem]:
    """Return what one file breaks.

    Args:
        path: relative to the repository's root.
        text: the file's content.
    """
    return [
        Problem(path=str(path), line=line, rule=name, message=message)
        for name, rule in RULES.items()
        for line, message in rule(path, text)
    ]


def tracked_files(root: Path) -> list[Path]:
    """Return the repository's tracked and new files, without what is ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        cwd=root,
    )
    names = listed.stdout.decode().split("\0")
    return sorted({Path(name) for name in names if name and (root / name).is_file()})


def main(root: Path = ROOT) -> int:
    """Check the whole repository and print the problems.

    Returns:
        0 clean, 1 something breaks a rule.
    """
    problems: list[Problem] = []
    for path in tracked_files(root):
        try:
            text = (root / path).read_text()
        except UnicodeDecodeError:
            continue  # an image, a recording: no rule is about it
        problems += check_file(path, text)
    for problem in sorted(problems):
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
