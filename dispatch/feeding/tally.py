"""What became of the fixes that were sent: counts by the server's verdict and refusals by code."""

from collections import Counter
from dataclasses import dataclass, field

import msgspec

__all__ = ["Tally", "parse_error_code", "parse_verdicts"]


@dataclass(slots=True)
class Tally:
    """Counts of fixes (not of requests, but for ``retried_requests``).

    Attributes:
        offered: handed to the sender.
        verdicts: acknowledged ones by verdict; quarantined ones as ``quarantined:<reason>``.
        refusals: given up by error code.
        retries: requests that were sent again, by cause: an error code, or ``no_answer``.
        forgotten: oldest fixes that a device's full memory dropped.
    """

    offered: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    forgotten: int = 0

    @property
    def acknowledged(self) -> int:
        """Fixes that the server answered for: stored, known already, or in quarantine."""
        return self.verdicts.total()

    @property
    def refused(self) -> int:
        """Fixes that the server did not take and that were given up."""
        return self.refusals.total()

    @property
    def retried_requests(self) -> int:
        """Requests that were sent again."""
        return self.retries.total()

    @property
    def waiting(self) -> int:
        """Fixes still in the devices' memory or under way."""
        return self.offered - self.acknowledged - self.refused - self.forgotten

    @property
    def quarantined(self) -> dict[str, int]:
        """Counts of quarantined fixes by reason, by name."""
        prefix = "quarantined:"
        return {name.removeprefix(prefix): n for name, n in sorted(self.verdicts.items()) if name.startswith(prefix)}


def parse_verdicts(header: str, *, fix_count: int) -> Counter[str]:
    """The verdicts in a ``Vola-Fix`` header.

    Args:
        header: ``accepted``, ``quarantined; reason=impossible_jump``, or counts ``accepted=3, duplicate=1``.
        fix_count: how many fixes the request held.

    Returns:
        Counts by verdict; ``unexplained`` for fixes that the header does not speak of, so that nothing is counted as
        good by mistake.
    """
    counts: Counter[str] = Counter()
    for part in filter(None, (piece.strip() for piece in header.split(","))):
        verdict, _, parameters = part.partition(";")
        name, _, count = verdict.strip().partition("=")
        reason = parameters.strip().removeprefix("reason=")
        counts[f"{name}:{reason}" if reason else name] += int(count) if count.isdigit() else 1
    if counts.total() < fix_count:
        counts["unexplained"] += fix_count - counts.total()
    return counts


class _ErrorDetail(msgspec.Struct):
    code: str = "unnamed"


class _ErrorBody(msgspec.Struct):
    error: _ErrorDetail


def parse_error_code(body: bytes, *, status: int) -> str:
    """The ``code`` of an error answer, or ``http_<status>`` where the body names none."""
    try:
        return msgspec.json.decode(body, type=_ErrorBody).error.code
    except msgspec.DecodeError:
        return f"http_{status}"
