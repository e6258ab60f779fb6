"""The content of a `latest` channel that is published to: the last payload of each key."""

from collections.abc import Callable

from vola.core.ports import SourceFrames

__all__ = ["KeyedSource"]


class KeyedSource:
    """Keeps one payload a key, in the order of their last change. Implements `ports.LatestSource`.

    Args:
        keys_max: keys held.
    """

    __slots__ = ("_entries", "_keys_max", "_version", "changed", "idle_since_s")

    def __init__(self, *, keys_max: int) -> None:
        self._entries: dict[str, tuple[int, bytes]] = {}
        self._keys_max = keys_max
        self._version = 0
        self.changed: Callable[[], None] | None = None
        self.idle_since_s = 0.0

    def put(self, key: str, payload: bytes) -> bool:
        """Replace the payload of `key`. False, and nothing done, when there is no room for a new key."""
        if key not in self._entries and len(self._entries) >= self._keys_max:
            return False
        self._version += 1
        self._entries.pop(key, None)  # a dict keeps insertion order: the newest change goes to the end
        self._entries[key] = (self._version, payload)
        if self.changed is not None:
            self.changed()
        return True

    def snapshot(self) -> SourceFrames:
        """All keys, the longest unchanged first."""
        return SourceFrames(self._version, tuple(payload for _, payload in self._entries.values()))

    def changes(self, since_version: int) -> SourceFrames | None:
        """The keys changed after `since_version`, oldest change first."""
        if since_version >= self._version:
            return None
        newest_first = []
        for version, payload in reversed(self._entries.values()):
            if version <= since_version:
                break
            newest_first.append(payload)
        return SourceFrames(self._version, tuple(reversed(newest_first)))

    def close(self) -> None:
        """Nobody is subscribed; the content stays."""
        self.changed = None
