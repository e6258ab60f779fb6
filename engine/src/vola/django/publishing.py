"""publish(): one call, from any thread, that belongs to the transaction it is made in.

Inside `transaction.atomic()` the publication is handed over when the transaction commits, and never when it rolls back
(or when the savepoint it was made in does). Outside of a transaction it is handed over at once. The payload is encoded
at the call, so what subscribers get is what the data was then. Left out: an answer; publish() hands over and does not
wait for delivery.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, transaction

from vola.django import running
from vola.django.channels import Channel, registry
from vola.django.encoding import encode_json
from vola.django.errors import PayloadInvalid, PayloadTooLarge, UnknownChannel
from vola.django.settings import PAYLOAD_BYTES_MAX

__all__ = ["PendingPublication", "Sink", "apublish", "publish", "replace_sink"]

# Where publications go: (channel, encoded JSON, key).
Sink = Callable[[str, bytes, str], None]


_replaced_sink: Sink | None = None


class PendingPublication:
    """A publication that waits for its transaction; the on_commit callback itself."""

    __slots__ = ("channel", "data", "key")

    def __init__(self, channel: str, data: bytes, *, key: str) -> None:
        self.channel = channel
        self.data = data
        self.key = key

    def __call__(self) -> None:
        _sink()(self.channel, self.data, self.key)


def publish(channel: Channel | str, data: Any, *, key: str | None = None, using: str = DEFAULT_DB_ALIAS) -> None:
    """Publish data to a channel: at commit inside atomic(), at once outside.

    May be called from any thread and from the event loop; never blocks.

    Args:
        channel: a channel object, or a name that a registered class matches.
        data: anything msgspec encodes as JSON (dict, list, dataclass, msgspec.Struct, datetime, UUID, Decimal...), or
            msgspec.Raw that already is JSON. A channel with a `payload` type accepts instances of that type only.
        key: for `latest` channels, which of the channel's values this replaces.
        using: alias of the database whose transaction the publication belongs to.

    Raises:
        NodeNotRunning: this process runs no node; raised at the call, also inside a transaction.
        UnknownChannel: no registered class matches the name.
        PayloadInvalid, PayloadTooLarge: the data cannot be published.
    """
    name = channel.name if isinstance(channel, Channel) else channel
    target = registry.resolve(name)
    if target is None:
        raise UnknownChannel(name)
    publication = PendingPublication(target.name, _encode(target, data), key=key or "")
    _sink()
    if transaction.get_connection(using).in_atomic_block:
        # robust: another callback's failure must not swallow this publication, nor this one the others.
        transaction.on_commit(publication, using=using, robust=True)
    else:
        publication()


async def apublish(channel: Channel | str, data: Any, *, key: str | None = None, using: str = DEFAULT_DB_ALIAS) -> None:
    """publish() for coroutines that work with the database through sync_to_async.

    It runs in the thread that holds such a coroutine's database connection, so it sees that transaction. A coroutine
    that opens none may call publish() itself and save the hop.
    """
    await sync_to_async(publish)(channel, data, key=key, using=using)


def replace_sink(sink: Sink | None) -> Sink | None:
    """Send publications elsewhere (None: to the node again); answers the sink replaced. For vola.testing."""
    global _replaced_sink
    before, _replaced_sink = _replaced_sink, sink
    return before


def _sink() -> Sink:
    return _replaced_sink or running.current().publish


def _encode(channel: Channel, data: object) -> bytes:
    expected = channel.payload
    if expected is not None and not isinstance(data, expected):
        raise PayloadInvalid(channel.name, problem=f"expected {expected.__name__}, was given {type(data).__name__}")
    try:
        encoded = encode_json(data)
    except (NotImplementedError, TypeError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise PayloadInvalid(channel.name, problem=str(error)) from error
    limit = PAYLOAD_BYTES_MAX.read()
    if len(encoded) > limit:
        raise PayloadTooLarge(channel.name, size_bytes=len(encoded), limit_bytes=limit)
    return encoded
