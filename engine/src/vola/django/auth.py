"""Who connects: Django sessions, and the chain of authenticators that a project configures.

The session is only read: an open socket cannot set a cookie, so nothing here flushes or rotates a session.
Docs: docs/explanation/security.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec
from django.conf import settings as django_settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, parse_cookie
from django.utils.module_loading import import_string

from vola.core.ports import ConnectAttempt, Principal, Refusal
from vola.django import running
from vola.django.calling import refusal_for
from vola.django.executor import Outcome
from vola.django.origin import origin_allowed
from vola.django.settings import ALLOW_ANONYMOUS, ALLOWED_ORIGINS, AUTHENTICATORS
from vola.django.users import remember_loaded
from vola.errors import DISCONNECT_BAD_REQUEST, DISCONNECT_PERMISSION_DENIED

__all__ = [
    "Answer",
    "AuthenticatorChain",
    "ConnectAttempt",
    "ConnectAuthenticator",
    "Principal",
    "SessionAuthenticator",
    "build_chain",
]

# None declines: the next authenticator is asked.
type Answer = Principal | Refusal | None


class ConnectAuthenticator(Protocol):
    """What VOLA["AUTHENTICATORS"] names: classes without arguments whose objects answer through `done`, once."""

    def authenticate(self, request: ConnectAttempt, done: Callable[[Answer], None]) -> None:
        """Answer who this is, refuse, or decline with None; now or later, on the loop."""
        ...


class SessionAuthenticator:
    """Signed-in Django users, by their session cookie.

    Declines when there is no session cookie or nobody is signed in. Refuses (3507) a session that comes with a foreign
    Origin, and inactive users. The connection ends with the session (3005), after which clients come back and are asked
    again.
    """

    def authenticate(self, request: ConnectAttempt, done: Callable[[Answer], None]) -> None:
        """Answer for the cookie of the handshake; the session and the user are read in the executor."""
        headers = request.handshake.headers
        session_key = parse_cookie(headers.get("cookie", "")).get(django_settings.SESSION_COOKIE_NAME)
        if not session_key:
            done(None)
        elif not origin_allowed(headers, allowed_origins=ALLOWED_ORIGINS.read()):
            done(DISCONNECT_PERMISSION_DENIED)
        else:
            running.current().executor.submit(
                lambda: self.principal_of(session_key), done=lambda outcome: done(_answer_of(outcome))
            )

    def principal_of(self, session_key: str) -> Answer:
        """Who is signed in by this session; reads the database."""
        session = import_string(f"{django_settings.SESSION_ENGINE}.SessionStore")(session_key)
        content = _ReadOnlySession(session.load())
        request = HttpRequest()
        request.session = content  # type: ignore[assignment]  # get_user() needs a mapping, and no more
        user = get_user(request)
        if isinstance(user, AnonymousUser):
            return None
        if not user.is_active:
            return DISCONNECT_PERMISSION_DENIED
        remember_loaded(user)
        return Principal(
            user_id=str(user.pk), info=self.describe(user), expires_at_ms=_expiry_ms(session), subject=user
        )

    def describe(self, user: Any) -> bytes | None:
        """What others may see of this user in presence, joins and publications, as JSON. Override to change it."""
        name = user.get_full_name() if hasattr(user, "get_full_name") else ""
        return msgspec.json.encode({"id": str(user.pk), "name": name or user.get_username()})


class _ReadOnlySession(dict[str, Any]):
    """A session's content; what get_user() would do to the stored session does not happen."""

    def flush(self) -> None:
        """Leave the stored session alone."""

    def cycle_key(self) -> None:
        """Leave the stored session alone."""


class AuthenticatorChain:
    """The engine's Authenticator: asks each in order; when all decline, the anonymous user if that is allowed.

    Args:
        authenticators: in the order they are asked.
    """

    def __init__(self, authenticators: Sequence[ConnectAuthenticator]) -> None:
        self._authenticators = tuple(authenticators)

    def authenticate(self, request: ConnectAttempt, done: Callable[[Principal | Refusal], None]) -> None:
        """Answer for one connect command."""
        self._ask(0, request, done)

    def _ask(self, index: int, request: ConnectAttempt, done: Callable[[Principal | Refusal], None]) -> None:
        if index == len(self._authenticators):
            done(_anonymous(request))
            return
        authenticator = self._authenticators[index]

        def answered(answer: Answer) -> None:
            if answer is None:
                self._ask(index + 1, request, done)
            else:
                done(answer)

        try:
            authenticator.authenticate(request, answered)
        except Exception as error:  # noqa: BLE001  logged and answered
            done(refusal_for(error, doing=f"authenticator {type(authenticator).__name__}"))


def build_chain() -> AuthenticatorChain:
    """The chain that VOLA["AUTHENTICATORS"] names."""
    return AuthenticatorChain([import_string(path)() for path in AUTHENTICATORS.read()])


def _expiry_ms(session: Any) -> int:
    """When the session ends, in wall milliseconds: as stored where sessions have rows, else as if it were saved now."""
    model = getattr(session, "model", None)
    stored = (
        model.objects.filter(session_key=session.session_key).values_list("expire_date", flat=True) if model else ()
    )
    expires_at = next(iter(stored), None) or session.get_expiry_date()
    return int(expires_at.timestamp() * 1000)


_ANONYMOUS_ID: Final = ""


def _anonymous(request: ConnectAttempt) -> Principal | Refusal:
    if not ALLOW_ANONYMOUS.read():
        return DISCONNECT_BAD_REQUEST
    if not origin_allowed(request.handshake.headers, allowed_origins=ALLOWED_ORIGINS.read()):
        return DISCONNECT_PERMISSION_DENIED
    return Principal(user_id=_ANONYMOUS_ID, subject=AnonymousUser())


def _answer_of(outcome: Outcome) -> Answer:
    answer, error = outcome
    if error is not None:
        return refusal_for(error, doing="the session's user")
    return answer  # type: ignore[return-value]  # what principal_of() answered
