"""The engine's ChannelDirectory over the registered channel classes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from vola.core.ports import Action, Allowed, ChannelRules, ClientView, Denied
from vola.django.calling import Caller, refusal_for
from vola.django.channels import Channel, ChannelRegistry
from vola.django.executor import Outcome
from vola.errors import ERROR_INTERNAL, ERROR_PERMISSION_DENIED, ERROR_UNKNOWN_CHANNEL

__all__ = ["DjangoChannelDirectory"]

logger = logging.getLogger("vola.django")

_FUNCTION_NAMES: Final = {
    Action.SUBSCRIBE: "may_subscribe",
    Action.PUBLISH: "may_publish",
    Action.HISTORY: "may_see_history",
    Action.PRESENCE: "may_see_presence",
}
_ALLOWED: Final = Allowed()
_DENIED: Final = Denied(ERROR_PERMISSION_DENIED)


class DjangoChannelDirectory:
    """Resolves names by the registry and decides by the may_* functions; what is not overridden is denied without a
    call."""

    def __init__(self, registry: ChannelRegistry, *, caller: Caller) -> None:
        self._registry = registry
        self._caller = caller

    def resolve(self, channel: str) -> ChannelRules | None:
        """The rules of a channel, None when no class serves the name."""
        found = self._registry.resolve(channel)
        return found.rules if found is not None else None

    def authorize(
        self, action: Action, client: ClientView, channel: str, data: bytes, done: Callable[[Allowed | Denied], None]
    ) -> None:
        """Ask the channel's function for this action; only True allows."""
        found = self._registry.resolve(channel)
        if found is None:
            done(Denied(ERROR_UNKNOWN_CHANNEL))
            return
        name = _FUNCTION_NAMES[action]
        if getattr(type(found), name) is getattr(Channel, name):
            done(_DENIED)
            return
        function = getattr(found, name)
        self._caller.call(function, subject=client.subject, done=lambda outcome: done(_decision(outcome, found, name)))


def _decision(outcome: Outcome, channel: Channel, name: str) -> Allowed | Denied:
    answer, error = outcome
    if error is not None:
        return Denied(refusal_for(error, doing=f"{type(channel).__name__}.{name} for {channel.name}"))
    if answer is True:
        return _ALLOWED
    if answer is False:
        return _DENIED
    # A forgotten await or a truthy object must not open a channel.
    logger.error("%s.%s answered %r for %s; only True allows.", type(channel).__name__, name, answer, channel.name)
    return Denied(ERROR_INTERNAL)
