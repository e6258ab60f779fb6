"""Running, stopping and what a killed run leaves behind."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from project.up.instance import secret_key
from project.up.leftovers import end_leftovers, find_leftovers
from project.up.supervisor_lock import hold_lock, running_address, running_pid


def test_only_one_supervisor_holds_the_lock_and_others_read_where_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "up.lock"
    assert running_pid(path=path) is None
    held = hold_lock("http://127.0.0.1:8000", path=path)
    assert held is not None
    assert hold_lock("http://127.0.0.1:8001", path=path) is None
    assert running_address(path=path) == "http://127.0.0.1:8000"
    assert running_pid(path=path) == os.getpid()
    held.close()
    assert running_pid(path=path) is None


def test_what_a_killed_run_left_is_found_by_its_data_path_and_ended(tmp_path: Path) -> None:
    mark = str(tmp_path / "postgres")
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", mark])
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", mark + "-else"])
    try:
        assert find_leftovers([mark]) == [left.pid]
        # The test is its parent, so it must be waited for before the kernel forgets it.
        assert end_leftovers([mark], timeout_s=0.5) == 1
        assert left.wait(10) != 0
        assert stranger.poll() is None
    finally:
        for process in (left, stranger):
            process.kill()
            process.wait()


def test_the_secret_key_is_drawn_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    key = secret_key(tmp_path / "secret_key")
    assert len(key) > 50
    assert secret_key(tmp_path / "secret_key") == key
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
