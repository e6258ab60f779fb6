"""The front end's own tests, in the one test run."""

import subprocess

from project.up.npm import find_node
from project.up.paths import WEB


def test_the_front_ends_tests_pass() -> None:
    done = subprocess.run(
        [*find_node().npm, "run", "test"], check=False, cwd=WEB, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, f"make web installs what is missing\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    assert "passed" in done.stdout
