"""What the ingest has done since it started, and how much lately. Plain numbers for the summary and /health."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dispatch.core.fix import Verdict

__all__ = ["IngestCounters", "IngestSnapshot"]

_WINDOW_S: Final = 10.0
"""Rates are over the last ten seconds: steady enough to read, quick enough to see a surge."""


@dataclass(frozen=True, slots=True)
class IngestSnapshot:
    """The counters at one moment. Counts are of fixes since the start, but ``refused`` by reason, which counts messages
    or fixes, whichever was refused as a whole."""

    received: int
    acknowledged: int
    accepted: int
    late: int
    duplicate: int
    quarantined: dict[str, int]
    refused: dict[str, int]
    fixes_per_s: float
    waiting: int
    is_storage_available: bool
    batch_count: int
    commit_ms_last: float
    commit_ms_max: float


@dataclass(slots=True)
class IngestCounters:
    """Mutable counters, owned by the loop's thread."""

    received: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    verdicts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(Verdict), np.int64))
    waiting: int = 0
    is_storage_available: bool = True
    batch_count: int = 0
    commit_ms_last: float = 0.0
    commit_ms_max: float = 0.0
    _recent: deque[tuple[float, NDArray[np.int64]]] = field(default_factory=deque)
    _started_s: float | None = None

    def count_batch(
        self, verdicts: NDArray[np.uint8], *, fleet_index: NDArray[np.int32], commit_ms: float, now_s: float
    ) -> None:
        """Count a durable batch: n final verdicts and the n fleets that they belong to."""
        self.verdicts += np.bincount(verdicts, minlength=len(Verdict))
        self.batch_count += 1
        self.commit_ms_last = commit_ms
        self.commit_ms_max = max(self.commit_ms_max, commit_ms)
        if self._started_s is None:
            self._started_s = now_s
        self._recent.append((now_s, np.bincount(fleet_index)))
        self._forget(now_s)

    def fixes_per_s(self, fleet_index: int | None = None, *, now_s: float) -> float:
        """Acknowledged fixes a second over the last ten seconds, of one fleet or of all."""
        self._forget(now_s)
        counts = [batch for _, batch in self._recent]
        if fleet_index is None:
            total = sum(int(batch.sum()) for batch in counts)
        else:
            total = sum(int(batch[fleet_index]) for batch in counts if fleet_index < len(batch))
        since = now_s if self._started_s is None else self._started_s
        return total / min(max(now_s - since, 1.0), _WINDOW_S)

    def snapshot(self, *, now_s: float) -> IngestSnapshot:
        """All of it as values."""
        counts = self.verdicts.tolist()
        return IngestSnapshot(
            received=self.received,
            acknowledged=sum(counts),
            accepted=counts[Verdict.ACCEPTED],
            late=counts[Verdict.LATE],
            duplicate=counts[Verdict.DUPLICATE],
            quarantined={it.name.lower(): counts[it] for it in Verdict if it.is_quarantined},
            refused=dict(self.refused),
            fixes_per_s=self.fixes_per_s(now_s=now_s),
            waiting=self.waiting,
            is_storage_available=self.is_storage_available,
            batch_count=self.batch_count,
            commit_ms_last=self.commit_ms_last,
            commit_ms_max=self.commit_ms_max,
        )

    def _forget(self, now_s: float) -> None:
        while self._recent and self._recent[0][0] < now_s - _WINDOW_S:
            self._recent.popleft()
