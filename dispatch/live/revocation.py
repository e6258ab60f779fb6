"""Ends the connections of users who lose sight of a fleet, so that their subscriptions are asked for again.

A permission is asked for when a subscription begins. Users' own groups and permissions are watched by the engine
(``vola.django.revocation``); here it is a fleet that is taken away from a group. Clients come back by themselves and
are refused what they may not see any more. Left out, as there: what other processes change.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models.signals import m2m_changed

from dispatch.fleet.models import Fleet
from vola.django.revocation import end_connections

__all__ = ["connect_signals"]

_TAKES_AWAY: Final = frozenset({"pre_remove", "pre_clear"})


def connect_signals() -> None:
    """Watch which groups may see which fleets; called when the apps are ready."""
    m2m_changed.connect(_on_groups_changed, sender=Fleet.groups.through, dispatch_uid="dispatch.live.revocation")


def _on_groups_changed(
    instance: Any, action: str, reverse: bool, pk_set: set[int] | None, using: str, **_signal: Any
) -> None:
    """fleet.groups.remove(group), or from the other side group.fleets.remove(fleet). The row still exists."""
    if action not in _TAKES_AWAY:
        return
    group_ids: Iterable[int]
    if reverse:
        group_ids = [instance.pk]
    else:
        group_ids = pk_set if pk_set is not None else list(instance.groups.values_list("pk", flat=True))
    users = get_user_model()._default_manager.using(using)  # noqa: SLF001 - Django's documented way
    end_connections(users.filter(groups__in=group_ids).distinct().values_list("pk", flat=True), using=using)
