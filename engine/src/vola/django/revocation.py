"""Ends the open connections of users whose sessions or rights changed, so that they are asked again who they are.

A logout, a saved or deleted user, a changed permission, and a changed, emptied or deleted group end the user's
connections with 3011 (reconnect) when the transaction commits. Clients come back by themselves; whoever may still
connect and subscribe loses nothing that the history holds, the others are refused. Left out: other processes. What
changes there is noticed by permission functions within USER_MAX_AGE_S, and when clients reconnect.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete

from vola.django.running import current_or_none
from vola.errors import DISCONNECT_FORCE_RECONNECT

__all__ = ["connect_signals", "end_connections"]

_CHANGES = frozenset({"post_add", "post_remove", "post_clear"})


def end_connections(user_ids: Iterable[object], *, using: str | None = None) -> None:
    """Have these users' connections on this node end and come back, once the transaction commits. Any thread."""
    if current_or_none() is not None:
        transaction.on_commit(partial(_end, [str(user_id) for user_id in user_ids]), using=using, robust=True)


def connect_signals() -> None:
    """Watch users, groups and permissions; called when the apps are ready."""
    if not apps.is_installed("django.contrib.auth"):
        return
    uid = "vola.revocation"
    user_model = get_user_model()
    user_logged_out.connect(_on_logout, dispatch_uid=uid)
    post_save.connect(_on_saved, sender=user_model, dispatch_uid=uid)
    post_delete.connect(_on_deleted, sender=user_model, dispatch_uid=uid)
    for name in ("groups", "user_permissions"):
        if hasattr(user_model, name):
            through = getattr(user_model, name).through
            m2m_changed.connect(_on_rights_changed, sender=through, dispatch_uid=f"{uid}.{name}")
    group_model = apps.get_model("auth", "Group")
    m2m_changed.connect(_on_group_changed, sender=group_model.permissions.through, dispatch_uid=uid)
    pre_delete.connect(_on_group_deleted, sender=group_model, dispatch_uid=uid)


def _on_logout(user: Any = None, **_signal: Any) -> None:
    if user is not None:
        end_connections([user.pk])


def _on_saved(instance: Any, created: bool, update_fields: frozenset[str] | None, using: str, **_signal: Any) -> None:
    # Signing in saves last_login, and concerns nobody's rights.
    if not created and update_fields != frozenset({"last_login"}):
        end_connections([instance.pk], using=using)


def _on_deleted(instance: Any, using: str, **_signal: Any) -> None:
    end_connections([instance.pk], using=using)


def _on_rights_changed(
    instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, using: str, **_signal: Any
) -> None:
    """user.groups.add(group), or from the other side group.user_set.add(user)."""
    if reverse and action == "pre_clear":  # afterwards nobody knows who it was
        _end_holders(instance, using=using)
    elif action in _CHANGES:
        end_connections((pk_set or ()) if reverse else [instance.pk], using=using)


def _on_group_changed(instance: Any, action: str, reverse: bool, using: str, **_signal: Any) -> None:
    """group.permissions.add(permission); from the permission's side (rare) nobody is asked to come back."""
    if action in _CHANGES and not reverse:
        _end_holders(instance, using=using)


def _on_group_deleted(instance: Any, using: str, **_signal: Any) -> None:
    """Its memberships go with it, and no signal tells of them."""
    _end_holders(instance, using=using)


def _end_holders(right: Any, *, using: str) -> None:
    """End the connections of a group's members, or of a permission's own holders."""
    if current_or_none() is None:
        return
    field = "groups" if isinstance(right, apps.get_model("auth", "Group")) else "user_permissions"
    users = get_user_model()._default_manager.using(using)  # noqa: SLF001  Django's documented way
    end_connections(users.filter(**{field: right.pk}).values_list("pk", flat=True), using=using)


def _end(user_ids: list[str]) -> None:
    running = current_or_none()
    if running is None:
        return

    def end() -> None:
        for user_id in user_ids:
            running.node.disconnect_user(user_id, disconnect=DISCONNECT_FORCE_RECONNECT)

    running.loop.call_soon_threadsafe(end)
