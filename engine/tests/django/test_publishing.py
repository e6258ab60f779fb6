import asyncio
import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import Group
from django.db import connections, transaction
from django.test import override_settings
from django.utils.translation import gettext_lazy

from vola.django import Channel, Delivery, NodeNotRunning, apublish, publish
from vola.django.channels import registry
from vola.django.errors import PayloadInvalid, PayloadTooLarge, UnknownChannel
from vola.testing import Capture, Captured, capture_published


class Move(msgspec.Struct):
    x: int


class Room(Channel):
    pattern = "room:{number:int}"


class Board(Channel):
    pattern = "board:{title}"
    delivery = Delivery.LATEST
    payload = Move


@pytest.fixture(autouse=True)
def _channels() -> Iterator[None]:
    with registry.only(Room, Board):
        yield


class UndoneError(Exception):
    """Ends a transaction."""


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction, or a savepoint in one, that ends with an error."""
    with suppress(UndoneError), transaction.atomic():
        yield
        raise UndoneError


@pytest.mark.django_db(transaction=True)
class TestRealTransactions:
    def test_outside_of_a_transaction_it_is_published_at_once(self, published: Capture) -> None:
        publish(Room(number=1), {"a": 1})
        assert list(published) == [Captured("room:1", {"a": 1}, "")]

    def test_inside_a_transaction_it_is_published_on_commit_with_the_data_of_the_call(self, published: Capture) -> None:
        data = {"a": 1}
        with transaction.atomic():
            publish(Room(number=1), data)
            data["a"] = 2
            assert list(published) == []
        assert published.to(Room(number=1)) == [{"a": 1}]

    def test_a_rollback_means_it_never_happened(self, published: Capture) -> None:
        with rolled_back():
            publish(Room(number=1), 1)
        assert list(published) == []

    def test_a_savepoint_rolled_back_takes_only_its_own_publications(self, published: Capture) -> None:
        with transaction.atomic():
            publish(Room(number=1), "before")
            with rolled_back():
                publish(Room(number=1), "lost")
            with transaction.atomic():
                publish(Room(number=1), "inner")
            publish(Room(number=1), "after")
        assert published.to("room:1") == ["before", "inner", "after"]

    def test_another_callback_that_fails_takes_no_publication_with_it(self, published: Capture) -> None:
        def fail() -> None:
            raise UndoneError

        with transaction.atomic():
            transaction.on_commit(fail, robust=True)
            publish(Room(number=1), 1)
        assert len(published) == 1

    def test_threads_have_transactions_of_their_own(self, published: Capture) -> None:
        def work() -> None:
            publish(Room(number=2), "thread")
            connections.close_all()

        with transaction.atomic():
            publish(Room(number=1), "transaction")
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            assert [item.channel for item in published] == ["room:2"]
        assert [item.channel for item in published] == ["room:2", "room:1"]

    async def test_apublish_belongs_to_the_transaction_of_the_coroutines_thread(self, published: Capture) -> None:
        await apublish(Room(number=1), 1)
        assert len(published) == 1

    def test_apublish_under_a_synchronous_transaction_waits_for_it(self, published: Capture) -> None:
        from asgiref.sync import async_to_sync  # noqa: PLC0415  beside its only use

        with rolled_back():
            async_to_sync(apublish)(Room(number=1), 1)
        assert list(published) == []


@pytest.mark.django_db
class TestInsideATestsOwnTransaction:
    def test_what_the_code_commits_is_captured(self, published: Capture) -> None:
        with transaction.atomic():
            Group.objects.create(name="one")
            publish(Room(number=1), 1)
            assert list(published) == []
        publish(Room(number=1), 2)
        assert published.to(Room(number=1)) == [1, 2]

    def test_what_the_code_rolls_back_is_not(self, published: Capture) -> None:
        with rolled_back():
            publish(Room(number=1), 1)
        assert list(published) == []

    def test_other_callbacks_of_the_transaction_are_left_alone(self, published: Capture) -> None:
        ran: list[str] = []
        transaction.on_commit(lambda: ran.append("ran"))
        publish(Room(number=1), 1)
        assert len(published) == 1
        assert ran == []

    def test_captures_nest(self) -> None:
        with capture_published() as outer:
            publish(Room(number=1), 1)
            assert len(outer) == 1
            with capture_published() as inner:
                publish(Room(number=1), 2)
            publish(Room(number=1), 3)
        assert outer.to("room:1") == [1, 3]
        assert inner.to("room:1") == [2]


@pytest.mark.django_db
class TestRefusals:
    @pytest.mark.parametrize("in_transaction", [False, True])
    def test_without_a_node_the_error_says_so_at_the_call(self, in_transaction: bool) -> None:
        block = transaction.atomic() if in_transaction else nullcontext()
        with block, pytest.raises(NodeNotRunning, match=r"manage\.py vola serve"):
            publish(Room(number=1), 1)

    def test_a_name_of_no_class_is_refused(self, published: Capture) -> None:
        with pytest.raises(UnknownChannel, match="nobody:1"):
            publish("nobody:1", 1)

    @pytest.mark.parametrize("data", [object(), {"a": object()}, {1j: 1}, "\ud800"])
    def test_data_without_a_json_form_is_refused(self, published: Capture, data: Any) -> None:
        with pytest.raises(PayloadInvalid, match="room:1"):
            publish(Room(number=1), data)

    def test_a_typed_channel_takes_its_own_type_only(self, published: Capture) -> None:
        publish(Board(title="a"), Move(x=1), key="k")
        with pytest.raises(PayloadInvalid, match="Move"):
            publish(Board(title="a"), {"x": 1})
        assert list(published) == [Captured("board:a", {"x": 1}, "k")]

    @override_settings(VOLA={"PAYLOAD_BYTES_MAX": 10})
    def test_a_payload_over_the_limit_is_refused(self, published: Capture) -> None:
        publish(Room(number=1), "12345678")
        with pytest.raises(PayloadTooLarge, match="11 bytes, the limit is 10"):
            publish(Room(number=1), "123456789")
        assert len(published) == 1

    def test_data_that_is_json_already_dates_and_lazy_texts_are_published(self, published: Capture) -> None:
        publish("room:1", msgspec.Raw(b'{"raw":true}'))
        publish("room:1", {"at": dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "text": gettext_lazy("Yes")})
        assert published.to("room:1") == [{"raw": True}, {"at": "2026-01-02T00:00:00Z", "text": "Yes"}]


@pytest.mark.django_db(transaction=True)
async def test_publishing_on_the_event_loop_does_not_block_or_complain(published: Capture) -> None:
    await asyncio.sleep(0)
    publish(Room(number=1), 1)
    assert len(published) == 1
