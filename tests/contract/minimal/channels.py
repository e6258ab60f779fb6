"""One channel class for each behaviour that clients can see."""

from collections.abc import Callable
from typing import Any

from tests.contract.minimal.services import TickSource
from vola.django import Channel, Delivery, LatestSource, anyone, has_perm, register


@register
class Chat(Channel):
    """Everything a stream offers, for everybody."""

    pattern = "chat:{room}"
    history_size = 1000
    history_ttl_s = 300
    recoverable = True
    presence = True
    join_leave = True
    may_subscribe = anyone
    may_publish = anyone
    may_see_presence = anyone
    may_see_history = anyone


@register
class Quiet(Channel):
    """Subscribers and nothing else: no history, no presence, nobody publishes."""

    pattern = "quiet:{room}"
    may_subscribe = anyone


@register
class Short(Channel):
    """A history of three."""

    pattern = "short:{room}"
    history_size = 3
    history_ttl_s = 300
    recoverable = True
    may_subscribe = anyone
    may_see_history = anyone


@register
class Own(Channel):
    """A user's own channel; the decision needs the database."""

    pattern = "own:{user_id:int}"
    user_id: int

    def may_subscribe(self, user: Any) -> bool:
        """Only the user, read afresh."""
        return type(user).objects.filter(pk=user.pk, is_active=True).exists() and bool(user.pk == self.user_id)


@register
class Staff(Channel):
    """For a Django permission."""

    pattern = "staff:{room}"
    may_subscribe = has_perm("auth.view_group")


@register
class Failing(Channel):
    """Its permission function fails or hangs."""

    pattern = "failing:{how}"
    how: str

    async def may_subscribe(self, user: Any) -> bool:
        """Never answers properly."""
        raise RuntimeError("a secret")


@register
class Prices(Channel):
    """Latest values by key, published by the server."""

    pattern = "prices:{market}"
    delivery = Delivery.LATEST
    history_ttl_s = 60
    rate_hz = 5.0
    may_subscribe = anyone


@register
class Ticks(Channel):
    """Latest state from an own source."""

    pattern = "ticks:{room}"
    delivery = Delivery.LATEST
    rate_hz = 10.0
    may_subscribe = anyone

    def open_source(self, changed: Callable[[], None]) -> LatestSource:
        """Counts while somebody watches."""
        return TickSource(changed)
