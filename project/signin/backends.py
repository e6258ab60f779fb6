"""Django's users behind the throttle: no page, the admin's included, can check passwords faster than it allows."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from project.signin.throttle import client_address, count_attempt, forget_attempts

__all__ = ["ThrottledModelBackend"]

PASSWORD_CHARACTERS_MAX = 1024  # hashing is meant to be slow; nobody may make it slower


class ThrottledModelBackend(ModelBackend):
    """Checks a password only while the throttle allows it."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **credentials: Any
    ) -> User | None:
        """Return the user whose name and password these are, else None.

        Raises:
            PermissionDenied: too many attempts; Django then asks no other backend and refuses.
        """
        if username is None or password is None or len(password) > PASSWORD_CHARACTERS_MAX:
            return None
        address = client_address(request)
        if not count_attempt(username, address=address):
            if request is not None:
                request.sign_in_throttled = True  # type: ignore[attr-defined]
            raise PermissionDenied
        user: AbstractBaseUser | None = super().authenticate(request, username, password, **credentials)
        if user is None:
            return None
        forget_attempts(username, address=address)
        return user  # type: ignore[return-value]
