"""What `make` does before anything runs: steps, stamps, the environment, Node."""

import io
import os
import shutil
import socket
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from project.up import npm, paths, python_environment, web_build
from project.up.prepare import port_problem
from project.up.stamps import fingerprint, is_current, mark
from project.up.steps import StepFailedError, run_step

FIND_PYTHON = paths.ROOT / "tools" / "find_python.sh"


def test_a_step_says_what_it_does_and_keeps_its_log(tmp_path: Path) -> None:
    output = io.StringIO()
    run_step("Counting", ["echo", "one two"], log=tmp_path / "logs" / "count.log", output=output)
    assert "Counting ..." in output.getvalue()
    assert "- Counting (0 s)" in output.getvalue()
    assert (tmp_path / "logs" / "count.log").read_text() == "one two\n"


def test_a_failed_step_shows_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "for n in range(50): print('line', n)\nraise SystemExit(4)"]
    with pytest.raises(StepFailedError) as caught:
        run_step("Breaking", command, log=tmp_path / "b.log", output=io.StringIO())
    assert "Breaking: failed (exit status 4)" in str(caught.value)
    assert "line 49" in str(caught.value)
    assert "line 3\n" not in str(caught.value)


def test_a_step_whose_program_is_missing_fails_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StepFailedError, match="no-such-program: No such file"):
        run_step("Breaking", ["no-such-program"], log=tmp_path / "b.log", output=io.StringIO())


def test_a_stamp_is_current_until_a_file_changes_appears_or_goes(tmp_path: Path) -> None:
    sources, stamp = tmp_path / "sources", tmp_path / "stamps" / "it"
    sources.mkdir()
    (sources / "a.ts").write_text("1")
    mark(stamp, fingerprint([sources]))
    assert is_current(stamp, fingerprint([sources]))
    (sources / "b.ts").write_text("")
    assert not is_current(stamp, fingerprint([sources]))
    (sources / "b.ts").unlink()
    assert is_current(stamp, fingerprint([sources]))
    (sources / "a.ts").write_text("2")
    assert not is_current(stamp, fingerprint([sources]))


def test_generated_files_of_the_front_end_do_not_count_as_its_sources() -> None:
    names = {path.name for path in web_build.web_sources()}
    assert "package.json" in names
    assert "node_modules" not in names


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("v20.19.0", True),
        ("v20.18.3", False),
        ("v21.7.1", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.1.0", True),
        ("v9.9.9", False),
        ("nonsense", False),
    ],
)
def test_node_is_taken_when_the_bundler_runs_on_it(version: str, *, expected: bool) -> None:
    assert npm.new_enough(version) is expected


def test_without_a_node_on_path_the_wheels_node_and_npm_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    node = npm.find_node()
    answer = subprocess.run(
        [*node.npm, "--version"], check=True, capture_output=True, text=True, env=os.environ | {"PATH": node.path}
    )
    assert answer.stdout.strip()[0].isdigit()


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert "VOLA_PORT=8001 make up" in str(port_problem(number))
    assert port_problem(number) is None


@pytest.mark.parametrize("value", ["zero", "0", "70000", "-1"])
def test_a_port_that_is_none_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLA_PORT", value)
    with pytest.raises(SystemExit, match="VOLA_PORT"):
        paths.port()


def test_an_environment_that_was_moved_does_not_count_as_working(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_environment, "VENV", tmp_path / "made")
    venv.create(tmp_path / "made", with_pip=True)
    assert python_environment.works(tmp_path / "made" / "bin" / "python")
    shutil.move(tmp_path / "made", tmp_path / "moved")
    assert not python_environment.works(tmp_path / "moved" / "bin" / "python")
    assert not python_environment.works(tmp_path / "made" / "bin" / "python")


def _find_python(directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{directory}:/usr/bin:/bin", "HOME": str(directory), "PYENV_ROOT": str(directory / "none")}
    # A Python that was built with a shared library may need to be told where that is.
    environment |= {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return subprocess.run(
        ["/bin/sh", FIND_PYTHON], check=False, capture_output=True, text=True, env=environment, cwd=directory
    )


def _command(directory: Path, name: str, body: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_a_version_managers_command_that_only_fails_is_passed_over(tmp_path: Path) -> None:
    _command(tmp_path, "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    _command(tmp_path, "python3.12", f'exec {sys.executable} "$@"')
    found = _find_python(tmp_path)
    assert found.returncode == 0, found.stderr
    assert Path(found.stdout.strip()).resolve() == Path(sys.executable).resolve()


def test_a_machine_with_only_an_old_python_is_told_what_it_needs_and_what_was_found(tmp_path: Path) -> None:
    old = 'case "$2" in *ensurepip*) exit 1;; *) echo 3.9.2;; esac'
    for name in ("python3.13", "python3.12", "python3.14", "python3", "python"):
        _command(tmp_path, name, old)
    found = _find_python(tmp_path)
    assert found.returncode == 1
    assert "needs Python 3.12 or newer" in found.stderr
    assert "python3=3.9.2" in found.stderr
    assert "VOLA_PYTHON" in found.stderr


def test_node_of_the_wheel_is_looked_for_by_the_environments_python(tmp_path: Path) -> None:
    """A machine without Node failed: the bare Python that prepares cannot see what it has just installed."""
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False)
    trace = (
        "import runpy, sys; sys.argv = ['prepare', '--with', 'none-such'];"
        " runpy.run_module('project.up.prepare', run_name='__main__')"
    )
    watched = "import os; os.execv = lambda path, arguments: print('then', path, *arguments)\n"
    done = subprocess.run(
        [bare / "bin" / "python", "-c", watched + trace], check=False, capture_output=True, text=True, cwd=paths.ROOT
    )
    assert f"then {paths.PYTHON}" in done.stdout, done.stderr
    assert done.stdout.strip().endswith("--with none-such")
