"""Channel classes: what a project declares about its channels, and the registry that finds the class of a name.

A class says which names it serves (`pattern`), how publications are delivered and kept, and who may do what. Everything
that is not granted is denied. The same class builds names: `TileChannel(fleet_id=1, x=2, y=3).name`, so no name is ever
formatted at a call site. Objects are shared between connections: do not store anything on them.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self

import msgspec

from vola.core.ports import ChannelRules, Delivery, LatestSource
from vola.django.errors import PatternInvalid, RegistrationInvalid
from vola.django.patterns import ChannelPattern, ParameterValue
from vola.django.settings import RESOLUTION_CACHE_SIZE

__all__ = ["PERMISSIONS", "Channel", "ChannelRegistry", "anyone", "has_perm", "register", "registry"]

PERMISSIONS: Final = ("may_subscribe", "may_publish", "may_see_presence", "may_see_history")

# What a may_* function answers; anything but True denies.
type Answer = bool | Awaitable[bool]


class Channel:
    """Base of channel classes.

    `user` of the may_* functions is the subject the authenticator answered: a Django user for sessions. A synchronous
    function runs in a thread of the bounded executor and may use the ORM; an `async def` runs on the event loop and
    must not block it. Both are limited to VOLA["EXECUTOR_TIMEOUT_S"].

    Raises:
        PatternInvalid: missing or unknown parameters, or values that do not fit the pattern.
    """

    # "fleet:tile:{fleet_id:int}:{name}": literals and typed parameters (int, str, uuid) separated by ":".
    pattern: ClassVar[str] = ""
    # STREAM: every publication, in order. LATEST: the newest value of each key, conflated for slow readers.
    delivery: ClassVar[Delivery] = Delivery.STREAM
    # Publications kept for history and recovery, and for how long; both must be above 0 to keep any. For LATEST
    # channels the time alone: how long the published values outlive the last subscriber.
    history_size: ClassVar[int] = 0
    history_ttl_s: ClassVar[float] = 0.0
    # Whether losses are detected for subscribers, and repaired from history when they come back.
    positioned: ClassVar[bool] = False
    recoverable: ClassVar[bool] = False
    # Whether the channel knows who is subscribed, and tells subscribers of comings and goings.
    presence: ClassVar[bool] = False
    join_leave: ClassVar[bool] = False
    # LATEST: most frames a second for one subscription.
    rate_hz: ClassVar[float] = 10.0
    # The type publish() insists on; None accepts whatever encodes as JSON.
    payload: ClassVar[type[msgspec.Struct] | None] = None
    # Set by registration.
    compiled: ClassVar[ChannelPattern]

    name: str
    params: MappingProxyType[str, ParameterValue]
    _rules: ChannelRules | None = None

    def __init__(self, **params: Any) -> None:
        self._assign(self.compile().build(params), params)

    @classmethod
    def parse(cls, channel: str) -> Self | None:
        """The channel object of a name, or None when the name is not of this class."""
        params = cls.compile().match(channel)
        if params is None:
            return None
        found = cls.__new__(cls)
        found._assign(channel, params)  # noqa: SLF001  an object of this very class
        return found

    def may_subscribe(self, user: Any, /) -> Answer:
        """Whether this user may subscribe; denied unless overridden."""
        return False

    def may_publish(self, user: Any, /) -> Answer:
        """Whether this user may publish from a client; denied unless overridden."""
        return False

    def may_see_presence(self, user: Any, /) -> Answer:
        """Whether this user may ask who is subscribed; denied unless overridden."""
        return False

    def may_see_history(self, user: Any, /) -> Answer:
        """Whether this user may read the channel's history; denied unless overridden."""
        return False

    def open_source(self, changed: Callable[[], None]) -> LatestSource:
        """A LATEST channel's own source of content, opened on the loop for its first subscriber.

        Override it to compute content on demand; otherwise published values are kept by key.
        """
        raise NotImplementedError

    @property
    def rules(self) -> ChannelRules:
        """What the engine needs to know of this channel."""
        if self._rules is None:
            own_source = type(self).open_source is not Channel.open_source
            self._rules = ChannelRules(
                name=self.pattern,
                delivery=self.delivery,
                history_size=self.history_size,
                history_ttl_s=float(self.history_ttl_s),
                positioned=self.positioned,
                recoverable=self.recoverable,
                presence=self.presence,
                join_leave=self.join_leave,
                rate_hz=self.rate_hz,
                open_source=self.open_source if own_source else None,
            )
        return self._rules

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Channel) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    @classmethod
    def compile(cls) -> ChannelPattern:
        """The class's compiled pattern; raises PatternInvalid."""
        if "compiled" not in cls.__dict__:
            cls.compiled = ChannelPattern(cls.pattern)
        return cls.compiled

    def _assign(self, name: str, params: dict[str, Any]) -> None:
        self.name = name
        self.params = MappingProxyType(params)
        for key, value in params.items():
            setattr(self, key, value)


def has_perm(permission: str) -> Callable[[Any, Any], bool]:
    """A may_* function that asks the Django permission: `may_subscribe = has_perm("fleet.view_fleet")`."""

    def may(_channel: Channel, user: Any) -> bool:
        return bool(getattr(user, "is_active", False)) and user.has_perm(permission) is True

    return may


def anyone(_channel: Channel, _user: Any) -> bool:
    """A may_* function that grants everybody who could connect; the way to say that this is meant."""
    return True


class ChannelRegistry:
    """The registered channel classes. A class that cannot be served becomes a problem, which the system checks
    report."""

    def __init__(self) -> None:
        self._classes: list[type[Channel]] = []
        self._problems: list[RegistrationInvalid] = []
        self._find: Callable[[str], Channel | None] | None = None

    @property
    def classes(self) -> tuple[type[Channel], ...]:
        """The classes that are served, in order of registration."""
        return tuple(self._classes)

    @property
    def problems(self) -> tuple[RegistrationInvalid, ...]:
        """Why some registered classes are not served, in order of registration."""
        return tuple(self._problems)

    def register[C: type[Channel]](self, channel_class: C) -> C:
        """Serve the names of this class; usable as a decorator."""
        problem = self._problem(channel_class)
        if problem:
            label = f"{channel_class.__module__}.{channel_class.__qualname__}"
            self._problems.append(RegistrationInvalid(label, problem=problem))
        else:
            self._classes.append(channel_class)
            self._find = None
        return channel_class

    def resolve(self, channel: str) -> Channel | None:
        """The channel object of a name, or None when no class serves it. Answers are remembered up to a bound."""
        if self._find is None:
            self._find = lru_cache(maxsize=RESOLUTION_CACHE_SIZE.read())(self._search)
        return self._find(channel)

    @contextmanager
    def only(self, *classes: type[Channel]) -> Iterator[None]:
        """Serve only these classes inside the block; for tests."""
        before = self._classes, self._problems
        self._classes, self._problems, self._find = [], [], None
        try:
            for channel_class in classes:
                self.register(channel_class)
            yield
        finally:
            (self._classes, self._problems), self._find = before, None

    def _search(self, channel: str) -> Channel | None:
        for channel_class in self._classes:
            found = channel_class.parse(channel)
            if found is not None:
                return found
        return None

    def _problem(self, channel_class: type[Channel]) -> str:
        try:
            compiled = channel_class.compile()
        except PatternInvalid as error:
            return str(error)
        for other in self._classes:
            if compiled.overlaps(other.compiled):
                other_name = f"{other.__module__}.{other.__qualname__}"
                return f"pattern {compiled.text!r} overlaps {other.compiled.text!r} of {other_name}"
        return _permission_problem(channel_class) or _option_problem(channel_class)


def _permission_problem(channel_class: type[Channel]) -> str:
    for name in dir(channel_class):
        if name.startswith("may_") and name not in PERMISSIONS:
            return f"{name} is not a permission; known are {', '.join(PERMISSIONS)}"
    for name in PERMISSIONS:
        if not inspect.isfunction(getattr(channel_class, name)):
            return f"{name} must be a function of (self, user), not {getattr(channel_class, name)!r}"
    for name in compiled_names(channel_class):
        if hasattr(Channel, name) or name in Channel.__annotations__:
            return f"parameter {name!r} would hide Channel.{name}"
    return ""


def _option_problem(channel_class: type[Channel]) -> str:
    if channel_class.history_size < 0 or channel_class.history_ttl_s < 0:
        return "history_size and history_ttl_s must not be negative"
    if channel_class.delivery is Delivery.LATEST:
        if channel_class.history_size or channel_class.positioned or channel_class.recoverable:
            return "delivery LATEST keeps no history: subscribers get a snapshot instead"
        if not 0 < channel_class.rate_hz <= 1000:
            return f"rate_hz is {channel_class.rate_hz}; it must be above 0 and at most 1000"
        return ""
    if channel_class.open_source is not Channel.open_source:
        return "open_source needs delivery LATEST"
    if (channel_class.history_size > 0) != (channel_class.history_ttl_s > 0):
        return "history_size and history_ttl_s must both be above 0 to keep history, or both be 0"
    if (channel_class.positioned or channel_class.recoverable) and not channel_class.history_size:
        return "positioned and recoverable need history_size and history_ttl_s"
    return ""


def compiled_names(channel_class: type[Channel]) -> tuple[str, ...]:
    """The parameter names of a class's pattern."""
    return tuple(channel_class.compiled.parameters)


registry: Final = ChannelRegistry()


def register[C: type[Channel]](channel_class: C) -> C:
    """Serve the names of this channel class; the decorator for an app's channels.py."""
    return registry.register(channel_class)
