"""`make up` after the environment is ready: start everything, say where it is, wait, end everything."""

import signal
import sys
from types import FrameType

from project.services.errors import ServiceError, log_tail
from project.services.process import tie_to_parent
from project.up.instance import Instance
from project.up.paths import LOGS, ROOT, port
from project.up.prepare import port_problem
from project.up.steps import StepFailedError
from project.up.supervisor_lock import hold_lock, running_address


class Stopped(BaseException):
    """Somebody asked us to stop: Ctrl-C, SIGTERM, or a closed terminal."""


def main() -> int:
    """Run the demo until it is stopped.

    Returns:
        0 stopped by request or running already, 1 something failed, 2 the port is taken.
    """
    instance = Instance(port())
    lock = hold_lock(instance.address)
    if lock is None:
        print(f"Vola runs already: {running_address()}/   (`make down` stops it)")
        return 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    tie_to_parent(signal.SIGTERM)
    problem = port_problem(instance.port)
    if problem is not None:
        print(problem, file=sys.stderr)
        return 2
    try:
        return _run(instance)
    except (ServiceError, StepFailedError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except Stopped:
        print("\nStopping ...", flush=True)
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not cut the orderly end short
        instance.stop()
        lock.close()
        print("Stopped.", flush=True)


def _run(instance: Instance) -> int:
    print("  . Starting PostgreSQL and Valkey ...", file=sys.stderr, flush=True)
    instance.start_services()
    news = instance.prepare_data()
    print("  . Starting the server ...", file=sys.stderr, flush=True)
    instance.start_server()
    instance.start_fleet()
    print(_welcome(instance, news=news), flush=True)
    ended = instance.wait()
    print(
        f"\n{ended.name} ended by itself (status {ended.process.returncode}). The end of {ended.log}:\n"
        f"\n{log_tail(ended.log)}\n",
        file=sys.stderr,
    )
    return 1


def _welcome(instance: Instance, *, news: str) -> str:
    rows = [
        ("Start page, every role in one click", "/"),
        ("Dispatcher's console", "/console/"),
        ("Administration", "/admin/"),
    ]
    addresses = "\n".join(f"  {title:<38}{instance.address}{path}" for title, path in rows)
    ending = f"Logs: {LOGS.relative_to(ROOT)}/   Ctrl-C stops everything."
    return f"\n{news}\nVola is running, for this machine only.\n\n{addresses}\n\n{ending}\n"


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
