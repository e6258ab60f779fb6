"""Stamps: what a step was done from, so that it is done again only when that changed."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

__all__ = ["fingerprint", "is_current", "mark"]


def fingerprint(paths: Iterable[Path], *, extra: str = "") -> str:
    """Return a digest of the files' names and contents; directories count with all their files."""
    digest = hashlib.sha256(extra.encode())
    for path in sorted(_files(paths)):
        digest.update(f"\0{path}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from (found for found in path.rglob("*") if found.is_file())
        elif path.is_file():
            yield path


def is_current(stamp: Path, value: str) -> bool:
    """Tell whether the stamp was left by the same input."""
    return stamp.is_file() and stamp.read_text().strip() == value


def mark(stamp: Path, value: str) -> None:
    """Leave the stamp: call it after the step succeeded."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(value + "\n")
