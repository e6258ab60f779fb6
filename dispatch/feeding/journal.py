"""A file of what was acknowledged, one JSON object a line: what a device may forget, and what a server must therefore
have."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from dispatch.feeding.lane import Answer
from dispatch.feeding.phone import Phone

__all__ = ["Journal"]


class Journal:
    """Writes acknowledged fixes as they are acknowledged; without a path it writes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            self._file = self._path.open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, phone: Phone, locations: Sequence[bytes], answer: Answer) -> None:
        """Note that the server acknowledged these locations of a device."""
        if self._file is None:
            return
        for location in locations:
            line = {
                "device": phone.unique_id,
                "location": msgspec.Raw(location),
                "answer": answer.headers.get("vola-fix", ""),
            }
            self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()
