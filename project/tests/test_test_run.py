"""The test run itself: what it starts, what it leaves out and says."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings


def _pytest(directory: Path, *arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:randomly", "-c", "pyproject.toml", "--rootdir", ".", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=settings.ROOT,
        env=os.environ | {"TMPDIR": str(directory)} | variables,
    )
    return done.stdout + done.stderr


def test_without_a_chromium_browser_tests_are_left_out_and_the_summary_says_so(tmp_path: Path) -> None:
    said = _pytest(tmp_path, "tests/e2e", "--collect-only", "-q", VOLA_CHROMIUM=str(tmp_path / "none"))
    assert "not run, no Chromium found (VOLA_CHROMIUM names one)" in said
    assert "skipped" not in said


def test_the_run_has_services_of_its_own() -> None:
    assert "vola" in os.environ["DATABASE_URL"]
    assert settings.CACHES["default"]["LOCATION"] == os.environ["VALKEY_URL"]
