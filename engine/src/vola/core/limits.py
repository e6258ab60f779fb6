"""The bounds of a node: everything a peer or a publisher could make grow has one."""

from dataclasses import dataclass, fields

from vola.errors import ConfigurationError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds and delays with the defaults of the reference server, units last.

    Attributes:
        frame_max_bytes: the largest frame taken from a client; over it: close 1009.
        queue_max_bytes: what may wait for one client; over it: 3008.
        channel_name_max_length: characters; over it: error 107.
        channels_per_client_max: over it: error 106.
        user_connections_max: connections of one user at a time; over it: 3504. 0: no bound.
        pipelined_commands_max: commands waiting behind a connect or a subscribe in flight; over it: 3013.
        in_flight_max: commands of one client being worked on; over it: error 111.
        stale_close_delay_s: time for a successful connect; over it: 3502.
        ping_interval_s: between pings.
        pong_timeout_s: for the answer; over it: 3012.
        decision_timeout_s: for a subscribe's authorisation and history read; over it: error 100.
        unsubscribe_wait_s: how long an unsubscribe waits for its subscribe in flight; over it: 3004.
        history_publications_max: publications in one history answer.
        recovery_publications_max: publications that a subscriber may have missed and still recover.
        join_buffer_publications_max: live publications held while a subscription is being set up; over it: error 100.
        position_check_interval_s: between comparisons of subscribers' positions with the broker's.
        latest_keys_max: keys of one keyed channel.
        latest_channels_max: keyed channels with state.
        latest_backlog_max_bytes: a client with more than this waiting is skipped by `latest` deliveries.
        timer_tick_s: granularity of all of these delays.
    """

    frame_max_bytes: int = 65_536
    queue_max_bytes: int = 1_048_576
    channel_name_max_length: int = 255
    channels_per_client_max: int = 128
    user_connections_max: int = 0
    pipelined_commands_max: int = 256
    in_flight_max: int = 1_024
    stale_close_delay_s: float = 10.0
    ping_interval_s: float = 25.0
    pong_timeout_s: float = 8.0
    decision_timeout_s: float = 4.0
    unsubscribe_wait_s: float = 5.0
    history_publications_max: int = 300
    recovery_publications_max: int = 300
    join_buffer_publications_max: int = 1_000
    position_check_interval_s: float = 40.0
    latest_keys_max: int = 10_000
    latest_channels_max: int = 100_000
    latest_backlog_max_bytes: int = 65_536
    timer_tick_s: float = 0.25

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value < 0 or (value == 0 and entry.name != "user_connections_max"):
                raise ConfigurationError(entry.name, problem=f"must be positive, not {value}")
        if self.pong_timeout_s >= self.ping_interval_s:
            raise ConfigurationError("pong_timeout_s", problem="must be shorter than ping_interval_s")
