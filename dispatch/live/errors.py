# ruff: noqa: N818  (exceptions are named for what happened)
"""Errors of the live map.

LiveError
  LiveNotRunning    this process runs no live map
"""

__all__ = ["LiveError", "LiveNotRunning"]


class LiveError(Exception):
    """Base of the live map's errors."""

    code = "live_error"


class LiveNotRunning(LiveError):
    """This process runs no live map: it serves pages only, or has not started yet."""

    code = "live_not_running"

    def __str__(self) -> str:
        return "no live map runs in this process"
