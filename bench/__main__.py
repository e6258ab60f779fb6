"""The command: ``python -m bench SCENARIO [--smoke] [options]``, ``python -m bench smoke``, ``python -m bench all``."""

import argparse
import dataclasses
import json
import logging
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from bench.report import append_result, describe_run
from bench.stack import Stack, running_stack

TARGET: dict[str, dict[str, Any]] = {
    "fixes_to_frames": {
        "device_count": 5_000,
        "rate_per_s": 10_000.0,
        "duration_s": 30.0,
        "watcher_count": 4,
        "seed": 1,
    },
    "idle_connections": {"connection_count": 5_000},
    "console_frames": {"vehicle_count": 50_000, "duration_s": 15.0, "seed": 1},
}
SMOKE: dict[str, dict[str, Any]] = {
    "fixes_to_frames": {"device_count": 200, "rate_per_s": 400.0, "duration_s": 5.0, "watcher_count": 2, "seed": 1},
    "idle_connections": {"connection_count": 200},
    "console_frames": {"vehicle_count": 2_000, "duration_s": 4.0, "seed": 1},
}
SMOKE_SCENARIOS = ("fixes_to_frames", "idle_connections")


def main() -> int:
    """Run what was asked for; the exit code is 1 when a run is not sane."""
    options = _options()
    _raise_file_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    names = {"smoke": SMOKE_SCENARIOS, "all": tuple(TARGET)}.get(options.scenario, (options.scenario,))
    if len(names) > 1:
        return _run_apart(names, is_smoke=options.scenario == "smoke")
    return 0 if _run_one(names[0], options) else 1


def _run_one(name: str, options: argparse.Namespace) -> bool:
    """Run one scenario, print and record it; False when it was not sane."""
    parameters = dict((SMOKE if options.smoke else TARGET)[name])
    parameters |= {key: value for key, value in vars(options).items() if key in parameters and value is not None}
    with running_stack() as stack:
        logging.getLogger("picows").setLevel(logging.ERROR)  # one line a connection otherwise
        results = _run(name, stack, parameters)
        problems = _problems(results)
        if problems:
            print(f"--- the server's log ---\n{stack.server_log()}", file=sys.stderr)
    line = describe_run(name, parameters=parameters, results=results, note=options.note)
    print(json.dumps(line["parameters"] | line["results"], indent=2))
    for problem in problems:
        print(f"not sane: {problem}", file=sys.stderr)
    if not options.smoke and not problems:
        print(f"appended to {append_result(line)}")
    return not problems


def _run_apart(names: Sequence[str], *, is_smoke: bool) -> int:
    """Run each scenario in a process of its own, because Django keeps the first database for the life of a process.

    Returns:
        0 when all are sane, else 1.
    """
    given = [word for word in sys.argv[1:] if word not in {"smoke", "all"}] + (["--smoke"] if is_smoke else [])
    statuses = [subprocess.run([sys.executable, "-m", "bench", name, *given], check=False).returncode for name in names]
    return 1 if any(statuses) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("scenario", choices=[*TARGET, "smoke", "all"])
    parser.add_argument("--smoke", action="store_true", help="small, quick, no line in the results")
    parser.add_argument("--note", default="", help="words for the line, such as what was changed")
    for key, kind in _tunables().items():
        parser.add_argument(f"--{key.replace('_', '-')}", dest=key, type=kind)
    return parser.parse_args()


def _tunables() -> dict[str, type]:
    return {key: type(value) for parameters in TARGET.values() for key, value in parameters.items()}


def _run(name: str, stack: Stack, parameters: dict[str, Any]) -> dict[str, Any]:
    """Scenarios are imported late: they use models, which need the stack's Django to be set up."""
    module = __import__(f"bench.scenarios.{name}", fromlist=["run", "Parameters"])
    run: Callable[[Stack, Any], dict[str, Any]] = module.run
    typed = module.Parameters(**parameters)
    assert dataclasses.is_dataclass(typed)
    return run(stack, typed)


def _problems(results: dict[str, Any]) -> list[str]:
    """What must be nothing in every run, whatever the numbers are."""
    must_be_nothing = (
        "acked_and_missing_in_database",
        "unanswered",
        "connect_errors",
        "connections_lost",
        "watcher_problems",
        "errors",
        "refusals",
        "page_errors",
    )
    return [f"{key} is {results[key]}" for key in must_be_nothing if results.get(key)]


def _raise_file_limit() -> None:
    """A connection is a file: allow as many as the system lets us; the server inherits it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
