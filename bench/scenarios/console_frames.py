"""What a large fleet costs the dispatcher's browser: script time of a frame, time to the first map, bytes.

Frame rates need a GPU; script time does not, so that is what is judged. The page measures it itself
(``window.__vola``).
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

from bench.people import make_dispatcher, make_fleet
from bench.stack import ROOT, Stack
from tools.chromium import ARGUMENTS, find_chromium

__all__ = ["Parameters", "run"]

INTERVAL_S = 30.0
"""Between fixes of a vehicle: slow enough that server and simulator leave the browser room on a small machine."""
READY_TIMEOUT_S = 180.0
PAGE_TIMEOUT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Size of a run."""

    vehicle_count: int
    duration_s: float
    seed: int


def run(stack: Stack, parameters: Parameters) -> dict[str, Any]:
    """Let the fleet drive, open the console, measure."""
    fleet = make_fleet("Bench")
    cookie = make_dispatcher("dispatcher")
    with driving(stack, parameters, fleet_name=fleet.name):
        wait_for_fixes(stack, count=parameters.vehicle_count)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            name, _, value = cookie.partition("=")
            context.add_cookies([{"name": name, "value": value, "url": stack.url}])
            page = context.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            results = measure(page, stack, parameters)
            browser.close()
    return results | {"page_errors": errors}


@contextmanager
def driving(stack: Stack, parameters: Parameters, *, fleet_name: str) -> Iterator[None]:
    """The simulator in a process of its own."""
    count, seed = str(parameters.vehicle_count), str(parameters.seed)
    command = [sys.executable, str(ROOT / "manage.py"), "simulate", "--fleet", fleet_name, "--register", "id-only"]
    command += ["--vehicles", count, "--seed", seed, "--interval", str(INTERVAL_S), "--url", stack.url]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def wait_for_fixes(stack: Stack, *, count: int) -> None:
    """Wait until nearly every vehicle has a position; some are without network at any time.

    Raises:
        TimeoutError: they do not come.
    """
    give_up_s = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < give_up_s:
        with stack.database() as database:
            row = database.execute("SELECT count(DISTINCT device_id) FROM history_fix").fetchone()
        if row is not None and int(str(row[0])) >= count * 0.97:
            return
        time.sleep(1)
    raise TimeoutError(f"{count} vehicles did not report within {READY_TIMEOUT_S:.0f} s")


def measure(page: Page, stack: Stack, parameters: Parameters) -> dict[str, Any]:
    """Open the console and read the page's own measurements: at rest, and while the map is dragged."""
    page.goto(stack.url)  # browser and server are awake, as they are for a dispatcher who has signed in
    page.goto(stack.url + "/console/")
    half = parameters.vehicle_count * 0.5
    _wait_for_map(page, count=half)
    at_first = read(page)
    page.wait_for_timeout(3_000)
    resting = _phase(page, lambda: page.wait_for_timeout(parameters.duration_s * 1000))
    dragging = _phase(page, lambda: _drag(page, duration_s=parameters.duration_s))
    heap: dict[str, float] = page.evaluate("({used: performance.memory?.usedJSHeapSize ?? 0})")
    return {
        "path": urlsplit(page.url).path,
        "layer": at_first["layer"],
        "drawn": at_first["vehiclesDrawn"],
        "in_cells": at_first["vehiclesInCells"],
        "first_data_ms": round(at_first["firstDataMs"] or 0),
        "first_map_ms": round(at_first["firstMapMs"] or 0),
        "bytes_to_first_map": at_first["bytesReceived"],
        "resting": resting,
        "dragging": dragging,
        "heap_mb": round(heap["used"] / 1e6, 1),
    }


def _wait_for_map(page: Page, *, count: float) -> None:
    """Wait until so many vehicles are on the map. (Playwright's own wait is forbidden by the page's policy.)

    Raises:
        TimeoutError: they do not appear.
    """
    give_up_s = time.monotonic() + PAGE_TIMEOUT_S
    while not page.evaluate(
        "(count) => (window.__vola?.vehiclesDrawn ?? 0) + (window.__vola?.vehiclesInCells ?? 0) > count", count
    ):
        if time.monotonic() > give_up_s:
            raise TimeoutError(f"{count:.0f} vehicles were not drawn within {PAGE_TIMEOUT_S:.0f} s")
        page.wait_for_timeout(100)


def _phase(page: Page, act: Any) -> dict[str, Any]:
    """The page's measurements during ``act``."""
    before = read(page)
    page.evaluate("window.__vola.reset()")
    act()
    after = read(page)
    return {
        "frames": after["frames"],
        "script_ms_p50": round(after["scriptMsP50"], 2),
        "script_ms_p99": round(after["scriptMsP99"], 2),
        "bytes": after["bytesReceived"] - before["bytesReceived"],
        "tile_frames": after["framesDecoded"] - before["framesDecoded"],
        "drawn": after["vehiclesDrawn"],
    }


def _drag(page: Page, *, duration_s: float) -> None:
    """Drag the map to and fro."""
    give_up_s = time.monotonic() + duration_s
    page.mouse.move(800, 400)
    page.mouse.down()
    while time.monotonic() < give_up_s:
        page.mouse.move(900, 450, steps=20)
        page.mouse.move(800, 400, steps=20)
    page.mouse.up()


def read(page: Page) -> dict[str, Any]:
    """The measurement port's numbers."""
    numbers: dict[str, Any] = page.evaluate(
        "(({frames, scriptMsP50, scriptMsP99, bytesReceived, framesDecoded, vehiclesDrawn, vehiclesInCells, layer,"
        " firstDataMs, firstMapMs}) => ({frames, scriptMsP50, scriptMsP99, bytesReceived, framesDecoded, vehiclesDrawn,"
        " vehiclesInCells, layer, firstDataMs, firstMapMs}))(window.__vola)"
    )
    return numbers
