"""Handing the fixes of one message to the pipeline and gathering their outcomes, for HTTP and WebSocket alike."""

import time
from collections.abc import Callable
from functools import partial

from dispatch.core.fix import Fix, Verdict
from dispatch.ingest.errors import RATE_LIMITED, Refusal
from dispatch.ingest.gathering import Outcome
from dispatch.ingest.registry import DeviceEntry
from dispatch.runtime import DispatchService

__all__ = ["report", "verdict_words"]


def report(
    fixes: list[Fix],
    *,
    device: DeviceEntry,
    service: DispatchService,
    done: Callable[[list[Verdict] | Refusal], None],
) -> None:
    """Submit all fixes of a message.

    Args:
        fixes: any number, none too.
        device: authenticated.
        service: that runs in this process.
        done: gets the verdicts in the order of the fixes; or a refusal when any fix was refused, because a device keeps
            or drops a message as a whole. What was stored of it is a duplicate when it comes again.
    """
    if not service.rate.take(device, len(fixes), now_s=time.monotonic()):
        service.counters.refused[RATE_LIMITED.code] += 1
        done(RATE_LIMITED)
        return
    outcomes: list[Outcome | None] = [None] * len(fixes)
    missing = len(fixes)

    def collect(index: int, outcome: Outcome) -> None:
        nonlocal missing
        outcomes[index] = outcome
        missing -= 1
        if missing == 0:
            finish()

    def finish() -> None:
        refusal = next((outcome for outcome in outcomes if isinstance(outcome, Refusal)), None)
        done(refusal or [outcome for outcome in outcomes if isinstance(outcome, Verdict)])

    for index, fix in enumerate(fixes):
        service.pipeline.submit(device, fix, partial(collect, index))
    if not fixes:
        finish()


def verdict_words(verdict: Verdict) -> tuple[str, str]:
    """How the wire says a verdict: ``accepted``, ``late``, ``duplicate`` or ``quarantined`` and its reason."""
    name = verdict.name.lower()
    return ("quarantined", name) if verdict.is_quarantined else (name, "")
