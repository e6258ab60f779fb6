"""What the node of this process has counted, for pages and commands that run in its threads."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from vola.core.counters import CountersSnapshot
from vola.django.running import current

__all__ = ["ANSWER_TIMEOUT_S", "counters"]

ANSWER_TIMEOUT_S: Final = 5.0
"""How long to wait for the loop; one that is busy for longer is in trouble."""


def counters() -> CountersSnapshot:
    """The node's counters now. From any thread but the loop's own.

    Raises:
        NodeNotRunning: no node runs in this process.
        TimeoutError: the loop did not answer within ANSWER_TIMEOUT_S.
    """
    running = current()
    answer: Future[CountersSnapshot] = Future()
    running.loop.call_soon_threadsafe(_respond, answer, running.node.snapshot)
    return answer.result(timeout=ANSWER_TIMEOUT_S)


def _respond(answer: Future[CountersSnapshot], snapshot: Callable[[], CountersSnapshot]) -> None:
    answer.set_result(snapshot())
