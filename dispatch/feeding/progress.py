"""Telling a person how far it is: a moving line on a terminal, plain lines elsewhere, a report at the end."""

import asyncio
import time
from collections.abc import Callable
from typing import TextIO

from dispatch.feeding.tally import Tally

__all__ = ["Progress", "report_lines"]

TERMINAL_EVERY_S = 0.5
PLAIN_EVERY_S = 10.0
BAR_WIDTH = 24


class Progress:
    """Writes lines about a tally until it is stopped; use as an asynchronous context."""

    def __init__(self, tally: Tally, *, stream: TextIO, total: int | None, clock_text: Callable[[], str]) -> None:
        """Write nothing yet.

        Args:
            tally: what to tell of.
            stream: usually stderr.
            total: fixes that there will be; None when nobody knows.
            clock_text: the fleet's time as words.
        """
        self._tally = tally
        self._stream = stream
        self._total = total
        self._clock_text = clock_text
        self._task: asyncio.Task[None] | None = None
        self._settled_before = 0

    async def __aenter__(self) -> "Progress":
        self._task = asyncio.get_running_loop().create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._stream.isatty():
            self._stream.write("\n")

    async def _run(self) -> None:
        every_s = TERMINAL_EVERY_S if self._stream.isatty() else PLAIN_EVERY_S
        while True:
            await asyncio.sleep(every_s)
            settled = self._tally.acknowledged + self._tally.refused
            line = self._line(settled, per_s=(settled - self._settled_before) / every_s)
            self._settled_before = settled
            self._stream.write(f"\r\x1b[K{line}" if self._stream.isatty() else f"{line}\n")
            self._stream.flush()

    def _line(self, settled: int, *, per_s: float) -> str:
        tally = self._tally
        words = f"{settled:,} fixes, {per_s:,.0f}/s, {tally.waiting:,} waiting, {tally.retried_requests:,} retried"
        if self._total:
            share = settled / self._total
            bar = "#" * int(share * BAR_WIDTH)
            words = f"[{bar:<{BAR_WIDTH}}] {share:4.0%}  {words} of {self._total:,}"
        return f"{self._clock_text()}  {words}"


def report_lines(tally: Tally, *, started_s: float) -> list[str]:
    """The report at the end, one fact a line; ``started_s`` is a reading of ``time.monotonic``."""
    elapsed_s = max(time.monotonic() - started_s, 1e-9)
    verdicts = tally.verdicts
    return [
        f"sent          {tally.offered:>10,}",
        f"acknowledged  {tally.acknowledged:>10,}",
        f"  accepted    {verdicts['accepted']:>10,}",
        f"  late        {verdicts['late']:>10,}",
        f"  duplicate   {verdicts['duplicate']:>10,}",
        f"  quarantined {sum(tally.quarantined.values()):>10,}",
        *(f"    {reason:<22} {count:>8,}" for reason, count in tally.quarantined.items()),
        *([f"  unexplained {verdicts['unexplained']:>10,}"] if verdicts["unexplained"] else []),
        f"refused       {tally.refused:>10,}",
        *(f"    {code:<22} {count:>8,}" for code, count in sorted(tally.refusals.items())),
        f"not settled   {tally.waiting + tally.forgotten:>10,}",
        f"retried       {tally.retried_requests:>10,} requests",
        *(f"    {cause:<22} {count:>8,}" for cause, count in sorted(tally.retries.items())),
        f"elapsed       {elapsed_s:>10,.1f} s",
        f"rate          {tally.acknowledged / elapsed_s:>10,.0f} fixes/s",
    ]
