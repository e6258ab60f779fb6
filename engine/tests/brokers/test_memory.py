"""The memory broker: the common behaviour, and its own bounds."""

from engine.tests.brokers.broker_suite import KEPT, BrokerSuite, Sink
from vola.brokers.memory import MemoryBroker, MemoryPresence
from vola.core.manual_clock import ManualClock
from vola.core.ports import Broker, ClientIdentity, HistoryPage, HistoryQuery, PublishOptions
from vola.server.asyncio_ports import RandomIds


class TestMemoryBroker(BrokerSuite):
    """The common suite."""

    def make_broker(self) -> Broker:
        return MemoryBroker(clock=self.clock, ids=RandomIds())


def top_epoch(broker: MemoryBroker, channel: str) -> str:
    pages: list[object] = []
    broker.history(channel, HistoryQuery(), pages.append)
    assert isinstance(pages[0], HistoryPage)
    return pages[0].top.epoch


def test_the_stream_unused_for_longest_is_forgotten() -> None:
    broker = MemoryBroker(clock=ManualClock(), ids=RandomIds(), streams_max=2)
    epochs = {channel: top_epoch(broker, channel) for channel in ("a", "b")}
    assert top_epoch(broker, "a") == epochs["a"]
    top_epoch(broker, "c")
    assert top_epoch(broker, "a") == epochs["a"]
    assert top_epoch(broker, "b") != epochs["b"]


def test_expired_history_is_freed_without_being_read() -> None:
    clock = ManualClock()
    broker = MemoryBroker(clock=clock, ids=RandomIds(), streams_max=50)
    for n in range(60):
        broker.publish(f"old{n}", b"1", KEPT, lambda _: None)
    clock.advance(61)
    for _ in range(60):
        broker.publish("new", b"1", KEPT, lambda _: None)
    assert [name for name, stream in broker._streams.items() if stream.publications] == ["new"]


def test_idempotency_keys_are_bounded() -> None:
    broker = MemoryBroker(clock=ManualClock(), ids=RandomIds(), idempotency_keys_max=3)
    for n in range(10):
        broker.publish("c", b"1", PublishOptions(idempotency_key=str(n)), lambda _: None)
    assert len(broker._results) == 3


def test_before_the_start_nothing_is_delivered() -> None:
    broker, info = MemoryBroker(clock=ManualClock(), ids=RandomIds()), ClientIdentity("ann", "1")
    broker.subscribe("c", lambda _: None)
    broker.publish("c", b"1", KEPT, lambda _: None)
    broker.publish_join("c", info)
    broker.publish_leave("c", info)
    sink = Sink()
    broker.start(sink)
    assert (sink.delivered, sink.joins, sink.leaves) == ([], [], [])


def test_presence_counts_clients_and_users() -> None:
    presence = MemoryPresence()
    seen: list[object] = []
    for client_id, user_id in (("1", "ann"), ("2", "ann"), ("3", "bob"), ("3", "bob")):
        presence.add("c", ClientIdentity(user_id, client_id))
    presence.count("c", seen.append)
    for client_id in ("1", "2", "3", "3"):
        presence.remove("c", client_id)
    presence.count("c", seen.append)
    presence.read("c", seen.append)
    assert seen == [(3, 2), (0, 0), {}]
