"""From stored publications to wire messages, each encoded once per variant of the protocol."""

from collections.abc import Iterable, Sequence

from vola.core.ports import ClientIdentity, StoredPublication
from vola.protocol.codec import Codec
from vola.protocol.messages import ClientInfo, Publication, Push, Reply
from vola.protocol.payload import embed

__all__ = ["PushFrames", "to_client_info", "to_publication"]


def to_client_info(identity: ClientIdentity) -> ClientInfo:
    """An identity as others see it."""
    return ClientInfo(
        user=identity.user_id,
        client=identity.client_id,
        conn_info=embed(identity.conn_info),
        chan_info=embed(identity.chan_info),
    )


def to_publication(stored: StoredPublication) -> Publication:
    """A publication as it travels. The epoch goes with the first offset only."""
    return Publication(
        data=embed(stored.data),
        info=None if stored.info is None else to_client_info(stored.info),
        offset=stored.offset,
        tags=dict(stored.tags) if stored.tags else None,
        epoch=stored.epoch if stored.offset == 1 else "",
    )


class PushFrames:
    """Pushes that go to many clients: encoded on first use, once for each codec, and then the same bytes for all.

    Variants to come (delta, channel compaction) become part of the key.
    """

    __slots__ = ("_by_codec", "_pushes")

    def __init__(self, pushes: Sequence[Push]) -> None:
        self._pushes = pushes
        self._by_codec: dict[str, bytes] = {}

    @classmethod
    def of_payloads(cls, channel: str, payloads: Iterable[bytes]) -> "PushFrames":
        """One push for each payload (raw JSON)."""
        return cls([Push(channel=channel, pub=Publication(data=embed(payload))) for payload in payloads])

    def encoded(self, codec: Codec) -> bytes:
        """The pushes, joined."""
        encoded = self._by_codec.get(codec.name)
        if encoded is None:
            encoded = codec.join([codec.encode(Reply(push=push)) for push in self._pushes])
            self._by_codec[codec.name] = encoded
        return encoded
