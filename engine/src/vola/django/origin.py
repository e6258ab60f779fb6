"""Which web origins may open a connection that carries cookies.

A browser sends the Origin header with every WebSocket handshake and no page can forge it; a client that is not a
browser sends none and holds no user's cookies but its own. So: no Origin is allowed, the server's own host is allowed,
everything else only when VOLA["ALLOWED_ORIGINS"] says so. Docs: docs/explanation/security.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.http.request import split_domain_port, validate_host

__all__ = ["origin_allowed"]

_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
# What Django itself allows under DEBUG when ALLOWED_HOSTS is empty.
_DEBUG_HOSTS: Final = (".localhost", "127.0.0.1", "[::1]")


def origin_allowed(headers: Mapping[str, str], *, allowed_origins: Sequence[str]) -> bool:
    """Whether a handshake with these headers (lower-case names) may be treated as the user's own.

    `allowed_origins` are exact origins ("https://app.example.com") or patterns with `*` ("https://*.example.com").
    """
    origin = headers.get("origin", "").lower()
    if not origin:
        return True
    if any(_matches(origin, pattern=pattern.lower()) for pattern in allowed_origins):
        return True
    return _is_own_host(origin, host=headers.get("host", "").lower())


def _matches(origin: str, *, pattern: str) -> bool:
    if pattern == "*":
        return True
    # A star stands for labels of a host name, never for a scheme, a port or a path.
    return re.fullmatch(re.escape(pattern).replace(r"\*", r"[a-z0-9.\-]+"), origin) is not None


def _is_own_host(origin: str, *, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False  # "http://[" and the like
    default_port = _DEFAULT_PORTS.get(parts.scheme)
    if default_port is None or not parts.netloc:
        return False
    if parts.netloc.removesuffix(default_port) != host.removesuffix(default_port):
        return False
    # Against DNS rebinding: the host must be one that the project serves.
    allowed_hosts: Sequence[str] = django_settings.ALLOWED_HOSTS
    if django_settings.DEBUG and not allowed_hosts:
        allowed_hosts = _DEBUG_HOSTS
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed_hosts)
