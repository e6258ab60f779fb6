"""What every broker must do. A broker's test module subclasses `BrokerSuite` and says how to make one."""

from abc import ABC, abstractmethod

import pytest

from vola.core.manual_clock import ManualClock
from vola.core.ports import (
    Broker,
    BrokerFailure,
    ClientIdentity,
    HistoryPage,
    HistoryQuery,
    PublishOptions,
    StoredPublication,
    StreamTop,
)
from vola.errors import UnrecoverablePosition

KEPT = PublishOptions(history_size=5, history_ttl_s=60.0)


class Sink:
    """Remembers what was delivered."""

    def __init__(self) -> None:
        self.delivered: list[tuple[str, StoredPublication]] = []
        self.joins: list[tuple[str, ClientIdentity]] = []
        self.leaves: list[tuple[str, ClientIdentity]] = []

    def deliver(self, channel: str, publication: StoredPublication) -> None:
        self.delivered.append((channel, publication))

    def deliver_join(self, channel: str, info: ClientIdentity) -> None:
        self.joins.append((channel, info))

    def deliver_leave(self, channel: str, info: ClientIdentity) -> None:
        self.leaves.append((channel, info))


class BrokerSuite(ABC):
    """One behaviour for all brokers."""

    clock: ManualClock
    broker: Broker
    sink: Sink

    @abstractmethod
    def make_broker(self) -> Broker:
        """A fresh broker that reads `self.clock`."""

    def settle(self) -> None:  # noqa: B027  brokers that answer at once have nothing to wait for
        """Let answers on their way arrive."""

    @pytest.fixture(autouse=True)
    def set_up(self) -> None:
        self.clock, self.sink = ManualClock(), Sink()
        self.broker = self.make_broker()
        self.broker.start(self.sink)

    def publish(self, data: bytes, options: PublishOptions = KEPT, channel: str = "c") -> StreamTop:
        answers: list[StreamTop | BrokerFailure] = []
        self.broker.publish(channel, data, options, answers.append)
        self.settle()
        (answer,) = answers
        assert isinstance(answer, StreamTop)
        return answer

    def read(self, query: HistoryQuery, channel: str = "c") -> HistoryPage | UnrecoverablePosition | BrokerFailure:
        answers: list[HistoryPage | UnrecoverablePosition | BrokerFailure] = []
        self.broker.history(channel, query, answers.append)
        self.settle()
        (answer,) = answers
        return answer

    def page(self, query: HistoryQuery, channel: str = "c") -> HistoryPage:
        answer = self.read(query, channel)
        assert isinstance(answer, HistoryPage)
        return answer

    def offsets(self, limit: int, since: int | None = None, *, reverse: bool = False) -> list[int]:
        position = None if since is None else StreamTop(since, "")
        return [item.offset for item in self.page(HistoryQuery(limit, position, reverse)).publications]

    # The suite ----------------------------------------------------------------------------------------------------

    def test_offsets_count_from_one_within_an_epoch(self) -> None:
        places = [self.publish(b"1") for _ in range(3)]
        assert [place.offset for place in places] == [1, 2, 3]
        assert len({place.epoch for place in places}) == 1
        assert places[0].epoch
        assert self.publish(b"1", channel="other").epoch != places[0].epoch

    def test_reading_creates_the_epoch_that_publishing_uses(self) -> None:
        top = self.page(HistoryQuery()).top
        assert top.offset == 0
        assert self.publish(b"1") == StreamTop(1, top.epoch)

    def test_history_keeps_the_newest(self) -> None:
        for _ in range(8):
            self.publish(b"1")
        assert self.offsets(-1) == [4, 5, 6, 7, 8]
        assert self.offsets(0) == []
        assert self.page(HistoryQuery()).top.offset == 8

    def test_history_is_read_from_a_position_in_both_directions(self) -> None:
        for _ in range(8):
            self.publish(b"1")
        assert self.offsets(2) == [4, 5]
        assert self.offsets(-1, 6) == [7, 8]
        assert self.offsets(1, 6) == [7]
        assert self.offsets(-1, 1) == [4, 5, 6, 7, 8]
        assert self.offsets(-1, 8) == []
        assert self.offsets(-1, 99) == self.offsets(-1, 2**63) == self.offsets(-1, 2**64 - 1) == []
        assert self.offsets(2, reverse=True) == [8, 7]
        assert self.offsets(-1, 6, reverse=True) == [5, 4]
        assert self.offsets(-1, 2, reverse=True) == []
        assert self.offsets(-1, 99, reverse=True) == self.offsets(-1, 2**63, reverse=True) == [8, 7, 6, 5, 4]

    def test_another_epoch_is_unrecoverable(self) -> None:
        self.publish(b"1")
        assert isinstance(self.read(HistoryQuery(1, StreamTop(0, "lost"))), UnrecoverablePosition)

    def test_history_expires_and_the_position_stays(self) -> None:
        place = self.publish(b"1")
        self.clock.advance(61)
        page = self.page(HistoryQuery(-1))
        assert page == HistoryPage((), place)
        assert self.publish(b"2") == StreamTop(2, place.epoch)
        assert self.offsets(-1) == [2]

    def test_removing_history_keeps_the_position(self) -> None:
        place = self.publish(b"1")
        answers: list[BrokerFailure | None] = []
        for channel in ("c", "unknown"):
            self.broker.remove_history(channel, answers.append)
        self.settle()
        assert answers == [None, None]
        assert self.page(HistoryQuery(-1)) == HistoryPage((), place)

    def test_without_history_there_is_no_offset(self) -> None:
        self.broker.subscribe("c", lambda _: None)
        assert self.publish(b"1", PublishOptions()) == StreamTop(0, "")
        self.settle()
        assert self.sink.delivered == [("c", StoredPublication(b"1"))]

    def test_delivery_starts_and_ends_with_the_subscription(self) -> None:
        self.publish(b"1")
        answers: list[BrokerFailure | None] = []
        self.broker.subscribe("c", answers.append)
        self.settle()
        assert answers == [None]
        info, tags = ClientIdentity("ann", "id", b'"x"'), {"k": "v"}
        place = self.publish(b"2", PublishOptions(5, 60.0, info, tags))
        self.publish(b"2", channel="other")
        self.broker.unsubscribe("c")
        self.settle()
        self.publish(b"3")
        assert self.sink.delivered == [("c", StoredPublication(b"2", 2, place.epoch, info, tags))]

    def test_an_idempotency_key_publishes_once(self) -> None:
        self.broker.subscribe("c", lambda _: None)
        options = PublishOptions(5, 60.0, idempotency_key="k")
        first = self.publish(b"1", options)
        assert self.publish(b"1", options) == first
        assert self.publish(b"1", options, channel="other").epoch != first.epoch
        self.clock.advance(301)
        assert self.publish(b"1", options).offset == first.offset + 1
        assert len(self.sink.delivered) == 2

    def test_joins_and_leaves_are_told(self) -> None:
        info = ClientIdentity("ann", "id")
        self.broker.subscribe("c", lambda _: None)
        self.broker.publish_join("c", info)
        self.broker.publish_leave("c", info)
        self.settle()
        assert (self.sink.joins, self.sink.leaves) == ([("c", info)], [("c", info)])
