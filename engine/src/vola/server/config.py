"""The server's own settings. Those of the core are in `vola.core.limits`."""

from dataclasses import dataclass, fields

from vola.errors import ConfigurationError

__all__ = ["ServerConfig"]

_MAY_BE_ZERO = frozenset({"port", "connections_max"})


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where to listen and how to come and go.

    Attributes:
        port: 0 takes a free one.
        websocket_path: upgrades on other paths get 404.
        connections_max: open WebSocket connections; beyond them 503. 0: no bound.
        close_wait_s: how long a closing handshake waits for the peer.
        shutdown_timeout_s: time for everybody to leave before sockets are dropped.
        shutdown_slice: connections told to go in one turn of the loop.
        http_shutdown_timeout_s: time for HTTP requests in progress.
        http_head_max_bytes: request line and headers of a request; beyond that 431.
        http_head_timeout_s: until a request's head is complete, from the connection or the first byte; then 408.
        http_body_timeout_s: from there until its body is.
        http_keep_alive_s: how long a connection may be idle between requests.
        backlog: connections that the kernel holds for accept.
        handover_max: publications of other threads that may wait for the loop.
        handover_slice: of those, published in one turn of the loop.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    websocket_path: str = "/connection/websocket"
    connections_max: int = 0
    close_wait_s: float = 5.0
    shutdown_timeout_s: float = 30.0
    shutdown_slice: int = 500
    http_shutdown_timeout_s: int = 10
    http_head_max_bytes: int = 32_768
    http_head_timeout_s: float = 10.0
    http_body_timeout_s: float = 60.0
    http_keep_alive_s: int = 75
    backlog: int = 2_048
    handover_max: int = 100_000
    handover_slice: int = 256

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, str):
                continue
            if value < 0 or (value == 0 and entry.name not in _MAY_BE_ZERO):
                raise ConfigurationError(entry.name, problem=f"must be positive, not {value}")
        if not self.websocket_path.startswith("/"):
            raise ConfigurationError("websocket_path", problem="must start with a slash")
