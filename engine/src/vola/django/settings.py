"""The settings of the Django door: one dict VOLA in the project's settings, each name declared here.

Values are read lazily, at use, so that override_settings works. A value that is absent takes the default; a value that
is not acceptable is reported by the system checks (vola.E001-E003) and raises ImproperlyConfigured when read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

__all__ = ["REGISTRY", "Setting", "configured"]


@dataclass(frozen=True)
class Setting[T]:
    """One declared name of the VOLA dict.

    Args:
        name: key in the dict, units last.
        kind: the Python type of a value; int is accepted where float is wanted.
        default: used when the key is absent.
        help: what it is and why one would change it.
        unit: unit of the value, "" for none.
        minimum, maximum: legal range, both ends included; None where the kind has no range.
    """

    name: str
    kind: type
    default: T
    help: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None

    def read(self) -> T:
        """The configured value, or the default.

        Raises:
            ImproperlyConfigured: the configured value is not acceptable.
        """
        values = configured()
        if self.name not in values:
            return self.default
        value = values[self.name]
        problem = self.problem(value)
        if problem:
            raise ImproperlyConfigured(f'VOLA["{self.name}"] {problem}')
        return cast("T", value)

    def problem(self, value: object) -> str:
        """What is wrong with a value, or ""."""
        accepted: tuple[type, ...] = (int, float) if self.kind is float else _ACCEPTED.get(self.kind, (self.kind,))
        if not isinstance(value, accepted) or (isinstance(value, bool) and self.kind is not bool):
            return f"must be {_SPOKEN.get(self.kind, self.kind.__name__)}, not {type(value).__name__}"
        if isinstance(value, int | float) and self.minimum is not None and self.maximum is not None:
            if not self.minimum <= value <= self.maximum:
                unit = f" {self.unit}" if self.unit else ""
                return f"is {value}; it must be between {self.minimum:g} and {self.maximum:g}{unit}"
        elif self.kind is list and not all(isinstance(item, str) for item in cast("Sequence[object]", value)):
            return "must be a list of strings"
        elif self.kind is dict and not all(
            isinstance(x, str) for pair in cast("Mapping[object, object]", value).items() for x in pair
        ):
            return "must be a dict of strings"
        return ""


_ACCEPTED: Final[dict[type, tuple[type, ...]]] = {list: (list, tuple), dict: (dict,)}
_SPOKEN: Final[dict[type, str]] = {
    list: "a list of strings",
    dict: "a dict of strings",
    float: "a number",
    int: "an integer",
}


def configured() -> Mapping[str, Any]:
    """The project's VOLA dict; empty when there is none.

    Raises:
        ImproperlyConfigured: VOLA is not a dict.
    """
    values = getattr(django_settings, "VOLA", {})
    if not isinstance(values, dict):
        raise ImproperlyConfigured(f"VOLA must be a dict, not {type(values).__name__}")
    return values


AUTHENTICATORS: Final = Setting[Sequence[str]](
    "AUTHENTICATORS",
    list,
    ("vola.django.auth.SessionAuthenticator",),
    "Dotted paths of authenticator classes, asked in order; the first that does not decline decides.",
)
ALLOW_ANONYMOUS: Final = Setting[bool](
    "ALLOW_ANONYMOUS",
    bool,
    default=False,
    help="Whether a connection that every authenticator declined may stay, with the anonymous user.",
)
ALLOWED_ORIGINS: Final = Setting[Sequence[str]](
    "ALLOWED_ORIGINS",
    list,
    (),
    'Web origins that may connect besides the own: "https://app.example.com", "https://*.example.com".',
)
SERVICES: Final = Setting[Sequence[str]](
    "SERVICES",
    list,
    (),
    "Dotted paths of classes with `async start(node)` and `async stop()`, run while the port is open.",
)
HTTP_ROUTES: Final = Setting[Mapping[str, str]](
    "HTTP_ROUTES", dict, {}, "Path prefix -> dotted path of an ASGI application that answers it before Django."
)
WEBSOCKET_PATH: Final = Setting[str](
    "WEBSOCKET_PATH", str, "/connection/websocket", "Path of the client protocol's WebSocket endpoint."
)
EXECUTOR_THREADS: Final = Setting[int](
    "EXECUTOR_THREADS",
    int,
    8,
    "Threads that run synchronous permission functions and methods; each may hold one database connection.",
    unit="threads",
    minimum=1,
    maximum=256,
)
EXECUTOR_QUEUE: Final = Setting[int](
    "EXECUTOR_QUEUE",
    int,
    10_000,
    "Calls that may wait for a thread; one more is answered 111 too many requests.",
    unit="calls",
    minimum=1,
    maximum=1_000_000,
)
EXECUTOR_TIMEOUT_S: Final = Setting[float](
    "EXECUTOR_TIMEOUT_S",
    float,
    4.0,
    "How long a permission function, method or authenticator may take, waiting included; below the clients' own 5 s.",
    unit="s",
    minimum=0.01,
    maximum=300,
)
USER_MAX_AGE_S: Final = Setting[float](
    "USER_MAX_AGE_S",
    float,
    5.0,
    "How old a connection's user may be before it is loaded again for a permission function or method.",
    unit="s",
    minimum=0,
    maximum=3600,
)
RESOLUTION_CACHE_SIZE: Final = Setting[int](
    "RESOLUTION_CACHE_SIZE",
    int,
    16_384,
    "Channel names whose pattern match is remembered.",
    unit="names",
    minimum=1,
    maximum=10_000_000,
)
PAYLOAD_BYTES_MAX: Final = Setting[int](
    "PAYLOAD_BYTES_MAX",
    int,
    1_048_576,
    "Largest encoded payload publish() accepts.",
    unit="bytes",
    minimum=1,
    maximum=67_108_864,
)
PING_INTERVAL_S: Final = Setting[int](
    "PING_INTERVAL_S", int, 25, "How often the server pings a client.", unit="s", minimum=1, maximum=600
)
PONG_TIMEOUT_S: Final = Setting[float](
    "PONG_TIMEOUT_S", float, 8.0, "How long a client may take to answer a ping.", unit="s", minimum=0.1, maximum=600
)
CLIENT_QUEUE_BYTES_MAX: Final = Setting[int](
    "CLIENT_QUEUE_BYTES_MAX",
    int,
    1_048_576,
    "Bytes that may wait for one slow client before it is disconnected with 3008.",
    unit="bytes",
    minimum=1024,
    maximum=1_073_741_824,
)
CLIENT_CHANNELS_MAX: Final = Setting[int](
    "CLIENT_CHANNELS_MAX",
    int,
    128,
    "Channels one connection may be subscribed to.",
    unit="channels",
    minimum=1,
    maximum=100_000,
)
CONNECTIONS_MAX: Final = Setting[int](
    "CONNECTIONS_MAX",
    int,
    0,
    "Open WebSocket connections of this process; one more is answered 503. 0: no bound.",
    unit="connections",
    minimum=0,
    maximum=10_000_000,
)
HTTP_KEEP_ALIVE_S: Final = Setting[int](
    "HTTP_KEEP_ALIVE_S",
    int,
    75,
    "How long an HTTP connection may be idle between requests; devices that report rarely save a handshake each.",
    unit="s",
    minimum=1,
    maximum=3600,
)
SHUTDOWN_TIMEOUT_S: Final = Setting[float](
    "SHUTDOWN_TIMEOUT_S",
    float,
    10.0,
    "How long a stopping server waits for HTTP requests in flight.",
    unit="s",
    minimum=0,
    maximum=600,
)

REGISTRY: Final[tuple[Setting[Any], ...]] = (
    AUTHENTICATORS,
    ALLOW_ANONYMOUS,
    ALLOWED_ORIGINS,
    SERVICES,
    HTTP_ROUTES,
    WEBSOCKET_PATH,
    EXECUTOR_THREADS,
    EXECUTOR_QUEUE,
    EXECUTOR_TIMEOUT_S,
    USER_MAX_AGE_S,
    RESOLUTION_CACHE_SIZE,
    PAYLOAD_BYTES_MAX,
    PING_INTERVAL_S,
    PONG_TIMEOUT_S,
    CLIENT_QUEUE_BYTES_MAX,
    CLIENT_CHANNELS_MAX,
    CONNECTIONS_MAX,
    HTTP_KEEP_ALIVE_S,
    SHUTDOWN_TIMEOUT_S,
)
