"""Sends the fixes of many devices over a bounded number of HTTP connections and keeps each until it is acknowledged.

Each device has at most one request under way, so its fixes arrive in order; what gathers meanwhile goes together in
the next request. A request that fails in a way that may pass (no connection, no answer, 429, 5xx, a device that the
server does not know
*yet*) is sent again after a growing wait; a refusal that will not pass is counted and its fixes given up.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from dispatch.feeding.encoding import encode_request, request_head
from dispatch.feeding.lane import Address, Answer, Lane
from dispatch.feeding.phone import Phone, backoff_s
from dispatch.feeding.tally import Tally, parse_error_code, parse_verdicts

__all__ = ["FixSender"]

LANE_COUNT_MAX = 512
"""Connections kept open. With an answer in about 100 ms this carries 5,000 requests a second."""
OPENING_COUNT_MAX = 64
"""Connections being opened at once, below the usual listen backlog."""
BATCH_COUNT_MAX = 100
"""Locations in a request; about 15 kB."""
MEMORY_COUNT_MAX = 20_000
"""Locations that a device remembers; then it drops the oldest, and the tally says so."""
ANSWER_TIMEOUT_S = 20.0
UNKNOWN_GRACE_S = 60.0
"""How long after the start an unknown device is one that the server has not heard of yet."""

Acknowledged = Callable[[Phone, Sequence[bytes], Answer], None]


class FixSender:
    """The devices' side of the HTTP ingest address, on the running event loop."""

    def __init__(
        self,
        address: Address,
        *,
        tally: Tally,
        seed: int = 0,
        lane_count_max: int = LANE_COUNT_MAX,
        batch_count_max: int = BATCH_COUNT_MAX,
        acknowledged: Acknowledged | None = None,
    ) -> None:
        """Connect nothing yet.

        Args:
            address: the server.
            tally: counts what becomes of the fixes.
            seed: of the jitter between retries.
            lane_count_max: connections at once.
            batch_count_max: locations in a request at most.
            acknowledged: called with the device, the locations and the answer for each acknowledged request.
        """
        self.tally = tally
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._random = random.Random(seed)  # noqa: S311 - jitter, not a secret
        self._lane_count_max = lane_count_max
        self._batch_count_max = batch_count_max
        self._acknowledged = acknowledged
        self._ready: deque[Phone] = deque()
        self._idle: list[Lane] = []
        self._busy: dict[Lane, tuple[Phone, float]] = {}
        self._openings: set[asyncio.Task[None]] = set()
        self._opening_failures = 0
        self._may_open_at_s = 0.0
        self._started_at_s = self._loop.time()
        self._settled = asyncio.Event()
        self._is_closed = False
        self._watch = self._loop.call_later(1.0, self._end_silent_lanes)

    def add_phone(self, unique_id: str, *, secret: str | None = None) -> Phone:
        """A device that sends from now on; ``secret`` None sends by identifier alone."""
        return Phone(unique_id=unique_id, head=request_head(host=self._address.host_header, secret=secret))

    def offer(self, phone: Phone, location: bytes) -> None:
        """Put one encoded location into the device's memory and send it as soon as its turn comes."""
        self.tally.offered += 1
        phone.memory.append(location)
        while len(phone.memory) > MEMORY_COUNT_MAX and not phone.in_flight:
            phone.memory.popleft()
            self.tally.forgotten += 1
        self._queue(phone)

    def set_offline(self, phone: Phone, *, is_offline: bool) -> None:
        """Take the network from a device, or give it back."""
        phone.is_offline = is_offline
        self._queue(phone)

    async def drain(self) -> None:
        """Wait until nothing waits: every fix is acknowledged or given up."""
        await self.wait_for_room(1)

    async def wait_for_room(self, waiting_count_max: int) -> None:
        """Wait until fewer than ``waiting_count_max`` fixes wait."""
        while self.tally.waiting >= waiting_count_max:
            self._settled.clear()
            await self._settled.wait()

    async def close(self) -> None:
        """Close the connections; what is not acknowledged stays in the devices' memory."""
        self._is_closed = True
        self._watch.cancel()
        for task in self._openings:
            task.cancel()
        for lane in [*self._idle, *self._busy]:
            lane.close()
        await asyncio.gather(*self._openings, return_exceptions=True)
        await asyncio.sleep(0)

    def _queue(self, phone: Phone) -> None:
        """Let the device wait for a connection if it has something to send and may."""
        if phone.memory and not (phone.in_flight or phone.is_queued or phone.is_offline or self._is_closed):
            phone.is_queued = True
            self._ready.append(phone)
            self._pump()

    def _pump(self) -> None:
        """Give ready devices the idle connections, and open more while they do not suffice."""
        while self._ready and self._idle:
            phone = self._ready.popleft()
            phone.is_queued = False
            if not phone.is_offline:
                self._send(self._idle.pop(), phone)
        if not self._ready or self._loop.time() < self._may_open_at_s or self._is_closed:
            return
        opening_count = len(self._openings)
        room = self._lane_count_max - len(self._busy) - len(self._idle) - opening_count
        for _ in range(min(len(self._ready) - opening_count, OPENING_COUNT_MAX - opening_count, room)):
            task = self._loop.create_task(self._open())
            self._openings.add(task)
            task.add_done_callback(self._openings.discard)

    async def _open(self) -> None:
        """Open one connection; when that fails, nobody tries again for a while."""
        try:
            _, lane = await self._loop.create_connection(
                lambda: Lane(answered=self._on_answer, lost=self._on_lost), self._address.host, self._address.port
            )
        except OSError:
            if self._loop.time() >= self._may_open_at_s:
                self._opening_failures += 1
                wait_s = backoff_s(self._opening_failures, jitter=self._random.random())
                self._may_open_at_s = self._loop.time() + wait_s
                self._loop.call_later(wait_s + 0.001, self._pump)
            return
        self._opening_failures = 0
        self._idle.append(lane)
        self._loop.call_soon(self._pump)

    def _send(self, lane: Lane, phone: Phone) -> None:
        """Send the oldest fixes of the device."""
        count = 1 if phone.one_by_one else min(len(phone.memory), self._batch_count_max)
        phone.in_flight = count
        self._busy[lane] = (phone, self._loop.time())
        lane.send(encode_request(list(islice(phone.memory, count)), unique_id=phone.unique_id, head=phone.head))

    def _on_answer(self, lane: Lane, answer: Answer) -> None:
        phone, _ = self._busy.pop(lane)
        if lane.is_open:
            self._idle.append(lane)
        if 200 <= answer.status < 300:
            self._take_acknowledgement(phone, answer)
        elif answer.status == 429 or answer.status >= 500 or self._is_not_known_yet(answer):
            cause = parse_error_code(answer.body, status=answer.status)
            self._try_later(phone, cause=cause, asked=answer.headers.get("retry-after", ""))
        elif phone.in_flight > 1:
            phone.one_by_one = phone.in_flight
            phone.in_flight = 0
        else:
            self.tally.refusals[parse_error_code(answer.body, status=answer.status)] += 1
            self._forget_sent(phone)
        self._queue(phone)
        self._pump()

    def _on_lost(self, lane: Lane) -> None:
        if lane in self._busy:
            phone, _ = self._busy.pop(lane)
            self._try_later(phone, cause="no_answer", asked="")
        elif lane in self._idle:
            self._idle.remove(lane)
        self._pump()

    def _take_acknowledgement(self, phone: Phone, answer: Answer) -> None:
        sent = list(islice(phone.memory, phone.in_flight))
        self.tally.verdicts.update(parse_verdicts(answer.headers.get("vola-fix", ""), fix_count=len(sent)))
        phone.failures = 0
        self._forget_sent(phone)
        if self._acknowledged is not None:
            self._acknowledged(phone, sent, answer)

    def _forget_sent(self, phone: Phone) -> None:
        """Remove what was settled from the device's memory."""
        for _ in range(phone.in_flight):
            phone.memory.popleft()
        phone.one_by_one = max(phone.one_by_one - phone.in_flight, 0)
        phone.in_flight = 0
        self._settled.set()

    def _try_later(self, phone: Phone, *, cause: str, asked: str) -> None:
        """Keep everything and queue the device again after a wait."""
        phone.in_flight = 0
        phone.failures += 1
        self.tally.retries[cause] += 1
        phone.is_queued = True
        asked_s = float(asked) if asked.isdigit() else None
        wait_s = backoff_s(phone.failures, jitter=self._random.random(), asked_s=asked_s)
        self._loop.call_later(wait_s, self._try_again, phone)

    def _try_again(self, phone: Phone) -> None:
        phone.is_queued = False
        self._queue(phone)

    def _is_not_known_yet(self, answer: Answer) -> bool:
        is_unknown = answer.status in {400, 404} and parse_error_code(answer.body, status=0) == "unknown_device"
        return is_unknown and self._loop.time() - self._started_at_s < UNKNOWN_GRACE_S

    def _end_silent_lanes(self) -> None:
        """Close connections whose answer does not come; their devices try again."""
        since_s = self._loop.time() - ANSWER_TIMEOUT_S
        for lane in [lane for lane, (_, sent_at_s) in self._busy.items() if sent_at_s < since_s]:
            lane.close()
        self._watch = self._loop.call_later(1.0, self._end_silent_lanes)
