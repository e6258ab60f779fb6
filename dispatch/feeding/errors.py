"""What can go wrong while feeding.

::

    FeedingError                     code, a sentence for a person
    ├── StreetsUnusableError         the street file cannot carry traffic
    ├── ColumnsUnclearError          the recording's header does not say which column is which
    ├── RecordingUnreadableError     a row is not a fix
    ├── AddressUnusableError         the server's address is not plain http://host:port
    ├── FleetUnclearError            no fleet, or several, answer to the words
    └── ForeignDeviceError           a device of the recording belongs elsewhere
"""

__all__ = [
    "AddressUnusableError",
    "ColumnsUnclearError",
    "FeedingError",
    "FleetUnclearError",
    "ForeignDeviceError",
    "RecordingUnreadableError",
    "StreetsUnusableError",
]


class FeedingError(Exception):
    """The root: a stable ``code`` and a message built from typed fields."""

    code = "feeding_error"


class StreetsUnusableError(FeedingError):
    """The street file cannot carry traffic."""

    code = "streets_unusable"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        return f"The street network cannot be used: {self.reason}"


class ColumnsUnclearError(FeedingError):
    """The recording's header does not say which column is which."""

    code = "columns_unclear"

    def __init__(self, *, field: str, header: tuple[str, ...], candidates: tuple[str, ...]) -> None:
        self.field = field
        self.header = header
        self.candidates = candidates
        super().__init__(field, header, candidates)

    def __str__(self) -> str:
        found = (
            f"several columns could be it: {', '.join(self.candidates)}"
            if self.candidates
            else "no column looks like it"
        )
        header = ", ".join(self.header)
        return f"Which column is the {self.field}? {found} (header: {header}). Say it: --map {self.field}=COLUMN"


class RecordingUnreadableError(FeedingError):
    """A row of the recording is not a fix."""

    code = "recording_unreadable"

    def __init__(self, *, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(line, reason)

    def __str__(self) -> str:
        return f"Line {self.line} of the recording: {self.reason}"


class AddressUnusableError(FeedingError):
    """The server's address is not plain http://host:port."""

    code = "address_unusable"

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(address)

    def __str__(self) -> str:
        return f"{self.address!r} is not an address of the form http://host:port"


class FleetUnclearError(FeedingError):
    """No fleet, or several, answer to the words."""

    code = "fleet_unclear"

    def __init__(self, *, words: str, names: tuple[str, ...]) -> None:
        self.words = words
        self.names = names
        super().__init__(words, names)

    def __str__(self) -> str:
        there_are = ", ".join(self.names) or "none"
        asked = f"No fleet is called {self.words!r}." if self.words else "Which fleet? Say it with --fleet."
        return f"{asked} Fleets: {there_are}."


class ForeignDeviceError(FeedingError):
    """A device of the recording is registered for another fleet, is inactive, or sends with a secret that nobody
    has."""

    code = "foreign_device"

    def __init__(self, *, unique_id: str, fleet_name: str) -> None:
        self.unique_id = unique_id
        self.fleet_name = fleet_name
        super().__init__(unique_id, fleet_name)

    def __str__(self) -> str:
        return (
            f"The device {self.unique_id} of the fleet {self.fleet_name} cannot be used:"
            " a replay needs active devices of its own fleet that send by identifier alone."
        )
