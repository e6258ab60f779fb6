"""Every house rule with a file that breaks it and one that keeps it."""

import subprocess
from pathlib import Path

import pytest

from tools import tidy

HOST = "registry" + ".npmjs" + ".org"
NOTE = "TO" + "DO"
SKIP = "pytest.mark." + "skip"
HOME = "/ho" + "me/anna/vola"

BROKEN = [
    ("long-file", "dispatch/core/long.py", '"""Long."""\n' + "x = 1\n" * 501),
    ("vague-module", "dispatch/core/utils.py", '"""Everything."""\n'),
    ("vague-module", "web/src/common/map.ts", "export {};\n"),
    ("outside-name", "docs/howto.md", f"Fetch it from https://{HOST}/x\n"),
    ("outside-name", "Makefile", f"up:\n\tcd {HOME} && run\n"),
    ("lock-address", "requirements/dev.txt", "x @ https://example.com/x.whl\n"),
    ("lock-address", "web/package-lock.json", '{\n "resolved": "https://example.com/x.tgz"\n}\n'),
    ("no-docstring", "dispatch/core/silent.py", "x = 1\n"),
    ("unnamed-migration", "dispatch/fleet/migrations/0002_auto_20261122_1200.py", '"""."""\n'),
    ("unnamed-migration", "dispatch/fleet/migrations/0003_alter_fleet_name_and_more.py", '"""."""\n'),
    ("undrawn-error", "dispatch/core/errors.py", '"""Tree: CoreError."""\nclass LostError(CoreError): ...\n'),
    ("note-without-issue", "dispatch/core/a.py", f'"""A."""\n# {NOTE}: later\n'),
    ("skipped-test", "dispatch/tests/test_a.py", f'"""A."""\n@{SKIP}\ndef test_a(): ...\n'),
]

KEPT = [
    ("dispatch/core/long.py", '"""Table.\n\nLong because it is one table.\n"""\n' + "x = 1\n" * 600),
    ("requirements/dev.txt", "x==1 \\\n    --hash=sha256:00\n"),
    ("web/package-lock.json", '{"funding": {"url": "https://example.com"}}\n'),
    ("dispatch/__init__.py", ""),
    ("dispatch/fleet/migrations/0002_device_secret.py", "x = 1\n"),
    ("dispatch/core/errors.py", '"""Tree: CoreError, LostError."""\nclass LostError(CoreError): ...\n'),
    ("dispatch/core/a.py", f'"""A."""\n# {NOTE}(#12): later\n'),
    ("docs/howto.md", "Open `/console/` or https://docs.example/home/page\n"),
]


@pytest.mark.parametrize(("rule", "name", "text"), BROKEN, ids=[f"{rule}-{name}" for rule, name, _ in BROKEN])
def test_a_broken_rule_is_found(rule: str, name: str, text: str) -> None:
    assert [problem.rule for problem in tidy.check_file(Path(name), text)] == [rule]


@pytest.mark.parametrize(("name", "text"), KEPT, ids=[name for name, _ in KEPT])
def test_a_kept_rule_is_silent(name: str, text: str) -> None:
    assert tidy.check_file(Path(name), text) == []


def test_every_rule_is_explained_and_has_a_file_that_breaks_it() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(tidy.RULES)
    assert all(f"\n{rule} " in (tidy.__doc__ or "") for rule in tidy.RULES)


def test_the_command_prints_where_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("ignored/\n")
    (tmp_path / "ignored").mkdir()
    (tmp_path / "ignored" / "utils.py").write_text("x = 1\n")
    assert tidy.main(tmp_path) == 0
    (tmp_path / "helpers.py").write_text('"""Things."""\n')
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    assert tidy.main(tmp_path) == 1
    assert capsys.readouterr().out == "helpers.py:1: vague-module: helpers does not say what is in it\n"
