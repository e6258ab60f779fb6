"""The environment variables that the project reads: one typed list, read by settings, checked, documented.

The same settings file serves development and production; only these differ. Page: docs/reference/settings.md.
"""

import os
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["VARIABLES", "EnvironmentValueError", "Variable", "database_from_url", "flag", "number", "text", "words"]


class EnvironmentValueError(ValueError):
    """A variable holds what it must not; the message names the variable and the expectation."""


LOCK_TIMEOUT_MS = 10_000  # a page that waits longer for a lock has lost its reader
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One variable: its name, default, legal values and meaning."""

    name: str
    default: str
    legal: str
    help: str


VARIABLES = (
    Variable(
        name="DATABASE_URL",
        default="postgresql:///vola",
        legal="postgresql://user:password@host:port/name?host=/socket/directory&sslmode=...",
        help="The PostgreSQL database (15 or newer).",
    ),
    Variable(
        name="VALKEY_URL",
        default="redis://127.0.0.1:6379/0",
        legal="redis://, rediss:// or unix://",
        help="The Valkey or Redis server (7 or newer) of the cache, the sessions and the throttling of sign-ins.",
    ),
    Variable(
        name="VOLA_SECRET_KEY",
        default="",
        legal="at least 50 characters; required unless VOLA_DEBUG or VOLA_DEMO is on",
        help="Django's SECRET_KEY. Development and demo draw a fresh one for each process when it is not set.",
    ),
    Variable(
        name="VOLA_SECRET_KEY_FALLBACKS",
        default="",
        legal="keys separated by commas",
        help="Former secret keys that still verify signatures while the key is rotated.",
    ),
    Variable(
        name="VOLA_DEBUG",
        default="0",
        legal="0 or 1",
        help="Django's DEBUG: error pages with sources. Never in production.",
    ),
    Variable(
        name="VOLA_DEMO",
        default="0",
        legal="0 or 1",
        help="One-click sign-in for the demo's roles, on loopback addresses only. Never in production.",
    ),
    Variable(
        name="VOLA_ALLOWED_HOSTS",
        default="",
        legal="host names separated by commas",
        help="The names this site answers to. Loopback names are added by VOLA_DEBUG and VOLA_DEMO.",
    ),
    Variable(
        name="VOLA_TRUSTED_PROXY",
        default="0",
        legal="0 or 1",
        help="A proxy in front terminates TLS, replaces X-Forwarded-Proto and is the only way in.",
    ),
    Variable(
        name="VOLA_STATIC_ROOT",
        default="",
        legal="a directory",
        help="Where `collectstatic` puts hashed, compressed files. Not set: the apps' files are served as they are.",
    ),
    Variable(
        name="VOLA_DATABASE_STATEMENT_TIMEOUT_MS",
        default="30000",
        legal="0 to 3600000 ms (0 = none)",
        help="PostgreSQL ends a statement of this site that runs longer.",
    ),
)
_DEFAULTS = {variable.name: variable.default for variable in VARIABLES}


def text(name: str) -> str:
    """Return a variable, or its default when it is unset or empty."""
    return os.environ.get(name, "") or _DEFAULTS[name]


def flag(name: str) -> bool:
    """Return a switch.

    Raises:
        EnvironmentValueError: neither 0 nor 1.
    """
    value = text(name)
    if value not in {"0", "1"}:
        raise EnvironmentValueError(f"{name} must be 0 or 1, not {value!r}.")
    return value == "1"


def number(name: str, *, low: int, high: int) -> int:
    """Return a whole number within `low` and `high`, both included.

    Raises:
        EnvironmentValueError: not a number, or out of range.
    """
    value = text(name)
    if not value.isdecimal() or not low <= int(value) <= high:
        raise EnvironmentValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}.")
    return int(value)


def words(name: str) -> list[str]:
    """Return the parts of a comma-separated variable, without blanks."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def database_from_url(url: str, *, statement_timeout_ms: int) -> dict[str, object]:
    """Turn a PostgreSQL address into an entry of Django's DATABASES.

    Args:
        url: see `DATABASE_URL`; further query parameters become connection options.
        statement_timeout_ms: the server ends longer statements; 0 = never.

    Raises:
        EnvironmentValueError: another scheme, or no database name.
    """
    parts = urlsplit(url)
    name = unquote(parts.path.lstrip("/"))
    if parts.scheme not in {"postgresql", "postgres"} or not name:
        raise EnvironmentValueError("DATABASE_URL must look like postgresql://user:password@host:port/name.")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    limits = {
        "statement_timeout": statement_timeout_ms,
        "lock_timeout": LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
    }
    options = " ".join(f"-c {name}={value}" for name, value in limits.items())
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": query.pop("port", str(parts.port or "")),
        "CONN_MAX_AGE": 0,  # under ASGI a kept connection would stay with a thread that may never come back
        "OPTIONS": query | {"options": options, "application_name": "vola"},
    }
