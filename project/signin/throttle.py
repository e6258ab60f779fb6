"""How often somebody may guess a password, counted in the shared cache so that all processes agree.

Two bounds, each a fixed window: guesses for one account from one address, and guesses from one address whatever the
account. A third, wide bound on the account alone slows a guesser with many addresses, and is far above what its owner
mistypes. An attempt is counted before the password is looked at, so that parallel guesses cannot slip under a bound.
"""

import hashlib
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

__all__ = ["BOUNDS", "WINDOW_S", "Bound", "client_address", "count_attempt", "forget_attempts"]

WINDOW_S = 900


@dataclass(frozen=True, kw_only=True)
class Bound:
    """At most so many attempts in a window; what they are counted by."""

    name: str
    attempts_max: int
    by_account: bool
    by_address: bool


BOUNDS = (
    Bound(name="account-address", attempts_max=5, by_account=True, by_address=True),
    Bound(name="address", attempts_max=50, by_account=False, by_address=True),
    Bound(name="account", attempts_max=100, by_account=True, by_address=False),
)


def count_attempt(account: str, *, address: str) -> bool:
    """Count one attempt and tell whether it may go on.

    Args:
        account: the name that was typed, as it was typed.
        address: where it comes from; empty outside a request.

    Returns:
        False when a bound is passed: the password must not even be looked at.
    """
    allowed = True
    for bound in BOUNDS:
        if bound.by_address and not address:
            continue
        key = _key(bound, account=account, address=address)
        cache.add(key, 0, WINDOW_S)
        allowed = cache.incr(key) <= bound.attempts_max and allowed
    return allowed


def forget_attempts(account: str, *, address: str) -> None:
    """Forget the attempts of an account from an address: the right password was given."""
    cache.delete(_key(BOUNDS[0], account=account, address=address))


def client_address(request: HttpRequest | None) -> str:
    """Return the client's address; behind a trusted proxy, the one that the proxy saw."""
    if request is None:
        return ""
    if settings.SECURE_PROXY_SSL_HEADER is not None:
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if forwarded:
            return forwarded
    return str(request.META.get("REMOTE_ADDR", ""))


def _key(bound: Bound, *, account: str, address: str) -> str:
    parts = [account.casefold() if bound.by_account else "", address if bound.by_address else ""]
    return f"sign-in:{bound.name}:{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"
