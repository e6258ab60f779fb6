# ruff: noqa: N818  (exceptions are named for what happened)
"""What the decoders raise.

Undecodable    the message is no fix in any shape that we know; ``reason`` is a stable word
"""

from typing import Literal

__all__ = ["Undecodable", "UndecodableReason"]

type UndecodableReason = Literal[
    "not_json", "not_a_report", "not_a_form", "missing_id", "ambiguous_id", "bad_timestamp", "bad_coordinates",
    "too_many_fixes",
]  # fmt: skip


class Undecodable(Exception):
    """The message is no report of a position. The text names the reason and never repeats what the device sent."""

    code = "undecodable"

    def __init__(self, reason: UndecodableReason) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The message cannot be decoded: {self.reason}."
