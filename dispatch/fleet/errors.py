# ruff: noqa: N818  (exceptions are named for what happened)
"""What the fleet services refuse.

FleetError
├── DeviceTaken        an identifier is registered already
├── WrongFleet         a vehicle or driver of another fleet
├── SecretNotUsed      the device is accepted by its identifier alone, so it has no secret to rotate
└── ClockInvalid       a clock without both anchors, or a speed out of range
"""

__all__ = ["ClockInvalid", "DeviceTaken", "FleetError", "SecretNotUsed", "WrongFleet"]


class FleetError(Exception):
    """Root of what the services of fleets refuse; ``code`` is stable."""

    code = "fleet_error"


class DeviceTaken(FleetError):
    """An identifier is registered already, or is given twice."""

    code = "device_taken"

    def __init__(self, unique_ids: list[str]) -> None:
        super().__init__(unique_ids)
        self.unique_ids = unique_ids

    def __str__(self) -> str:
        shown = ", ".join(self.unique_ids[:5])
        more = f" and {len(self.unique_ids) - 5} more" if len(self.unique_ids) > 5 else ""
        return f"Already registered: {shown}{more}."


class WrongFleet(FleetError):
    """The vehicle or driver belongs to another fleet than the device."""

    code = "wrong_fleet"

    def __init__(self, *, what: str, name: str) -> None:
        super().__init__(what, name)
        self.what = what
        self.name = name

    def __str__(self) -> str:
        return f"The {self.what} {self.name} belongs to another fleet."


class SecretNotUsed(FleetError):
    """The device is accepted by its identifier alone."""

    code = "secret_not_used"

    def __init__(self, unique_id: str) -> None:
        super().__init__(unique_id)
        self.unique_id = unique_id

    def __str__(self) -> str:
        return f"{self.unique_id} is accepted by its identifier alone; it has no secret."


class ClockInvalid(FleetError):
    """The clock cannot be set like that."""

    code = "clock_invalid"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The clock cannot be set: {self.reason}."
