"""`make lock`: resolve requirements/*.in into pins with hashes, for every platform and without addresses."""

import subprocess
import sys
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = "3.12"
# Its one wheel is read as an archive and never installed, so what it depends on is of no interest.
ALONE = {"basemap"}


def main(arguments: list[str]) -> int:
    """Write one lock beside each `.in` file; `arguments` go to uv, such as `--upgrade`.

    Returns:
        0, or the exit status of the resolution that failed.
    """
    for source in sorted((ROOT / "requirements").glob("*.in")):
        lock = source.with_suffix(".txt").relative_to(ROOT)
        print(f"  {source.name} -> {lock}", flush=True)
        options = ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes", "--no-header", "--quiet"]
        if source.stem in ALONE:
            options.append("--no-deps")
        command = [sys.executable, "-m", "uv", "pip", "compile", *options, *arguments]
        done = subprocess.run([*command, source.relative_to(ROOT), "-o", lock], check=False, cwd=ROOT)
        if done.returncode != 0:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
