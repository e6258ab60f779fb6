"""Keeps the user of a long-lived connection true.

A connection authenticates once and may stay for hours; Django users remember their permissions. Before a permission
function or method runs, a user older than USER_MAX_AGE_S is loaded again, so a revoked permission or a deactivated
account counts within seconds. Subjects that are no Django users (a device entry) are passed as they are.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeGuard

from django.contrib.auth import get_user_model

from vola.django.errors import VolaError
from vola.django.settings import USER_MAX_AGE_S

if TYPE_CHECKING:  # Importing it needs a project that is set up.
    from django.contrib.auth.base_user import AbstractBaseUser

__all__ = ["UserGone", "fresh_user", "recent_user", "remember_loaded"]

# Kept on the subject of the connection: (user, monotonic seconds when it was loaded).
_ATTRIBUTE = "_vola_loaded"


class UserGone(VolaError):  # noqa: N818  named for what happened
    """The connection's user was deleted or deactivated since it connected."""

    code = "user_gone"


def remember_loaded(subject: object) -> None:
    """Note that this user was loaded just now."""
    if _is_user(subject):
        setattr(subject, _ATTRIBUTE, (subject, time.monotonic()))


def recent_user(subject: object) -> tuple[bool, Any]:
    """(True, the user) when it is known well enough without the database, else (False, None)."""
    if not _is_user(subject):
        return True, subject
    user, loaded_at_s = getattr(subject, _ATTRIBUTE, (None, 0.0))
    if user is None or time.monotonic() - loaded_at_s >= USER_MAX_AGE_S.read():
        return False, None
    return True, user


def fresh_user(subject: object) -> Any:
    """The subject itself, or for a Django user the user as the database has it. Reads the database: not for the loop.

    Raises:
        UserGone: the user was deleted or deactivated.
    """
    known, user = recent_user(subject)
    if known or not _is_user(subject):
        return user
    user = get_user_model()._default_manager.filter(pk=subject.pk).first()  # noqa: SLF001  Django's documented way
    if user is None or not user.is_active:
        raise UserGone
    setattr(subject, _ATTRIBUTE, (user, time.monotonic()))
    return user


def _is_user(subject: object) -> TypeGuard[AbstractBaseUser]:
    return isinstance(subject, get_user_model())
