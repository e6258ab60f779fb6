"""The devices in memory: who may send, and which row of the tracker is theirs.

A look-up is a dict access; the database is read off the loop, at start, when a fleet's notification comes and every
minute. What changed is worked out on that thread too, so that the loop only applies differences.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dispatch.core.clock import FleetClock
from dispatch.core.tracker import Tracker
from dispatch.fleet.selectors import DeviceRow, FleetRow

__all__ = ["NO_SLOT", "DeviceEntry", "FleetEntry", "Registry", "RegistryChanges"]

NO_SLOT: Final = -1
"""The slot of a device that is not tracked: inactive, or deleted while somebody still holds its entry."""


@dataclass(slots=True, eq=False)
class DeviceEntry:
    """A device. Updated in place, so that a connection that holds it sees a deactivation at once.

    Attributes:
        slot: row in the tracker, NO_SLOT when it has none.
        secret_sha256: None for a device without a secret.
        tokens, refilled_s: the state of its rate limit (``dispatch.ingest.rate``).
    """

    device_id: int
    unique_id: str
    fleet_index: int
    slot: int = NO_SLOT
    secret_sha256: bytes | None = None
    id_only: bool = False
    is_active: bool = True
    tokens: float = 0.0
    refilled_s: float = float("-inf")

    def accepts(self, secret: str) -> bool:
        """Whether this secret ("" for none) proves the device; in constant time where there is something to guess."""
        if self.id_only:
            return True
        if self.secret_sha256 is None or not secret:
            return False
        presented = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
        return hmac.compare_digest(presented, self.secret_sha256)

    def __repr__(self) -> str:
        return f"DeviceEntry({self.device_id}, {self.unique_id!r})"  # never the hash


@dataclass(slots=True)
class FleetEntry:
    """A fleet; its place in ``Registry.fleets`` is its index and never changes while the process lives."""

    fleet_id: int
    name: str
    clock: FleetClock


@dataclass(frozen=True, slots=True)
class RegistryChanges:
    """The difference between the registry and rows of the database."""

    fleets: list[FleetRow]
    upserts: list[DeviceRow]
    gone: list[DeviceEntry]

    def in_steps(self, device_count: int) -> Iterator["RegistryChanges"]:
        """The same in parts of at most ``device_count`` upserts, so that the loop can do other things between them."""
        yield RegistryChanges(self.fleets, self.upserts[:device_count], self.gone)
        for start in range(device_count, len(self.upserts), device_count):
            yield RegistryChanges([], self.upserts[start : start + device_count], [])


class Registry:
    """All fleets and devices. One owner, one thread, but for ``changes_from``.

    Args:
        tracker: given a slot for each active device.
        on_revoked: called with a device whose open connections must end: deactivated, deleted, or another secret.
    """

    def __init__(self, tracker: Tracker, *, on_revoked: Callable[[DeviceEntry], None] = lambda _: None) -> None:
        self.fleets: list[FleetEntry] = []
        self._tracker = tracker
        self._on_revoked = on_revoked
        self._by_unique_id: dict[str, DeviceEntry] = {}
        self._by_device_id: dict[int, DeviceEntry] = {}
        self._fleet_index: dict[int, int] = {}

    def __len__(self) -> int:
        """How many devices are known, inactive ones too."""
        return len(self._by_device_id)

    def find(self, unique_id: str) -> DeviceEntry | None:
        """The device that calls itself so."""
        return self._by_unique_id.get(unique_id)

    def by_device_id(self, device_id: int) -> DeviceEntry | None:
        """The device with this key."""
        return self._by_device_id.get(device_id)

    def fleet_index(self, fleet_id: int) -> int | None:
        """The place of a fleet in ``fleets``, None when it is not known (yet)."""
        return self._fleet_index.get(fleet_id)

    def fleet(self, fleet_id: int) -> FleetEntry | None:
        """A fleet by its key."""
        index = self._fleet_index.get(fleet_id)
        return None if index is None else self.fleets[index]

    def active_device_ids(self) -> list[int]:
        """The keys of the devices that the tracker follows."""
        return [entry.device_id for entry in self._by_device_id.values() if entry.slot != NO_SLOT]

    def now_ms(self, fleet_index: NDArray[np.int32], *, wall_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """What each row's fleet's clock said when the wall clock said ``wall_ms`` (n)."""
        clocks = [fleet.clock for fleet in self.fleets]
        speed = np.array([clock.speed for clock in clocks])[fleet_index]
        anchor_wall_ms = np.array([clock.anchor_wall_ms or 0 for clock in clocks], np.int64)[fleet_index]
        anchor_fleet_ms = np.array([clock.anchor_fleet_ms or 0 for clock in clocks], np.int64)[fleet_index]
        passed_ms: NDArray[np.int64] = np.rint((wall_ms - anchor_wall_ms) * speed).astype(np.int64)
        return anchor_fleet_ms + passed_ms

    def changes_from(
        self, fleets: list[FleetRow], devices: Iterable[DeviceRow], *, fleet_ids: Sequence[int] | None
    ) -> RegistryChanges:
        """Compare with the database. Only reads; may run on another thread while nobody applies.

        Args:
            fleets: all fleets.
            devices: the devices of ``fleet_ids``, or of all fleets when that is None.
        """
        upserts: list[DeviceRow] = []
        seen: set[int] = set()
        for row in devices:
            seen.add(row.device_id)
            entry = self._by_device_id.get(row.device_id)
            if entry is None or not self._is_same(entry, row):
                upserts.append(row)
        indexes = None if fleet_ids is None else {self._fleet_index.get(fleet_id) for fleet_id in fleet_ids}
        gone = [
            entry
            for entry in list(self._by_device_id.values())
            if entry.device_id not in seen and (indexes is None or entry.fleet_index in indexes)
        ]
        return RegistryChanges(fleets, upserts, gone)

    def apply(self, changes: RegistryChanges) -> None:
        """Take over what changed."""
        for row in changes.fleets:
            self._apply_fleet(row)
        for entry in changes.gone:
            self._remove(entry)
        for device in changes.upserts:
            if device.fleet_id in self._fleet_index:
                self._apply_device(device)

    def _is_same(self, entry: DeviceEntry, row: DeviceRow) -> bool:
        return (
            entry.unique_id == row.unique_id
            and entry.secret_sha256 == row.secret_sha256
            and entry.id_only == row.id_only
            and entry.is_active == row.is_active
            and self.fleets[entry.fleet_index].fleet_id == row.fleet_id
        )

    def _apply_fleet(self, row: FleetRow) -> None:
        index = self._fleet_index.get(row.fleet_id)
        if index is None:
            self._fleet_index[row.fleet_id] = len(self.fleets)
            self.fleets.append(FleetEntry(row.fleet_id, row.name, row.clock))
        else:
            self.fleets[index].name = row.name
            self.fleets[index].clock = row.clock

    def _apply_device(self, row: DeviceRow) -> None:
        entry = self._by_device_id.get(row.device_id)
        index = self._fleet_index[row.fleet_id]
        is_known = entry is not None
        if entry is None:
            entry = DeviceEntry(row.device_id, row.unique_id, index)
            self._by_device_id[row.device_id] = entry
        elif self._by_unique_id.get(entry.unique_id) is entry:
            del self._by_unique_id[entry.unique_id]
        had = (entry.secret_sha256, entry.id_only)
        is_revoked = is_known and (not row.is_active or had != (row.secret_sha256, row.id_only))
        entry.unique_id = row.unique_id
        entry.fleet_index = index
        entry.secret_sha256 = row.secret_sha256
        entry.id_only = row.id_only
        entry.is_active = row.is_active
        self._by_unique_id[row.unique_id] = entry
        if row.is_active:
            entry.slot = self._tracker.add_device(row.device_id, index)
        else:
            self._release_slot(entry)
        if is_revoked:
            self._on_revoked(entry)

    def _remove(self, entry: DeviceEntry) -> None:
        del self._by_device_id[entry.device_id]
        if self._by_unique_id.get(entry.unique_id) is entry:
            del self._by_unique_id[entry.unique_id]
        entry.is_active = False
        self._release_slot(entry)
        self._on_revoked(entry)

    def _release_slot(self, entry: DeviceEntry) -> None:
        if entry.slot != NO_SLOT:
            self._tracker.remove_device(entry.slot)
            entry.slot = NO_SLOT
