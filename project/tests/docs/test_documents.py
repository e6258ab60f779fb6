"""The documentation against the tree: links, commands, settings, words, decisions, snippets."""

import ast
import importlib
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from dispatch.core.fix import Verdict
from dispatch.core.status import Status
from project.environment import VARIABLES
from project.settings_page import settings_page

ROOT = Path(settings.ROOT)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "engine" / "README.md"])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^    |`|&& )make ([a-z][a-z -]*)", re.MULTILINE)
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_to_a_file_of_this_repository(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link and not link.startswith("#")]
    assert [link for link in links if not (page.parent / link.partition("#")[0]).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_make_command_of_a_page_exists(page: Path) -> None:
    said = {word for words in COMMAND.findall(page.read_text()) for word in words.split()[:1]}
    assert said - _targets() == set()


def test_every_target_has_its_line_in_contributing_and_in_help() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    assert {target for target in _targets() if f"make {target} " not in contributing} == set()
    said = subprocess.run(["make", "help"], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert {target for target in _targets() if f"make {target} " not in said} == set()


def test_the_readme_starts_with_the_two_commands() -> None:
    assert re.findall(r"^    make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)[:2] == ["up", "test"]


def test_the_settings_page_is_what_the_registries_say() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert page == settings_page(), "write it again: VOLA_DEMO=1 python manage.py write_settings_page"


def test_every_variable_that_the_project_reads_is_declared() -> None:
    declared = {variable.name for variable in VARIABLES} | {
        "VOLA_PORT",
        "VOLA_PYTHON",
        "VOLA_CHROMIUM",
        "VOLA_PICTURES",
    }
    sources = [*(ROOT / "project").rglob("*.py"), *(ROOT / "tools").rglob("*.py"), ROOT / "tools" / "find_python.sh"]
    text = "\n".join(path.read_text() for path in sources if "tests" not in path.parts)
    read = set(re.findall(r"[\"{]((?:VOLA|DATABASE|VALKEY)_[A-Z_]+)[\":]", text))
    settings_of_django = {"VOLA_SETTINGS"}
    assert read - declared - settings_of_django == set()


def test_the_glossary_names_every_verdict_and_status_in_order() -> None:
    words = re.findall(r"^\| ([\w ,()]+?) \|", (ROOT / "docs" / "reference" / "glossary.md").read_text(), re.MULTILINE)
    listed = [word for word in words if word != "word"]
    assert listed == sorted(listed, key=str.casefold)
    said = " ".join(listed).lower()
    verdicts = [Verdict.ACCEPTED, Verdict.LATE, Verdict.DUPLICATE]
    statuses = [Status.MOVING, Status.IDLE, Status.OFFLINE, Status.UNLOCATED]
    assert {item.name for item in [*verdicts, *statuses] if item.name.lower() not in said} == set()


@pytest.mark.parametrize("page", DECISIONS, ids=[page.name for page in DECISIONS])
def test_a_decision_says_what_was_decided_and_what_was_rejected_on_one_page(page: Path) -> None:
    text = page.read_text()
    for part in ("Status: ", "## Context", "## Decision", "## Consequences", "## Rejected"):
        assert part in text
    assert text.count("\n") <= 70
    assert f"({page.name})" in (page.parent / "README.md").read_text()


def test_the_python_of_the_readme_parses_and_imports_what_exists() -> None:
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert snippets
    for snippet in snippets:
        for node in ast.walk(ast.parse(snippet)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module or "")
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []
