"""A stand-in for the server while the console is designed: invented vehicles on real streets. Never shipped.

    .venv/bin/python web/dev/mock_server.py --port 8100 --vehicles 400 [--spread 1] [--speed 1] [--empty]

Serves the built page, its HTTP API and the JSON client protocol, only as far as the console uses them.
"""

import argparse
import asyncio
import base64
import json
import mimetypes
import re
import struct
import time
import zlib
from pathlib import Path
from urllib.parse import parse_qs, unquote

import numpy as np
import uvicorn

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "dispatch" / "console" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; font-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; base-uri 'none'"
)
STATUSES = ["unlocated", "moving", "idle", "offline", "alert"]
FIRST = ["Aino", "Eino", "Helmi", "Ilmari", "Lempi", "Onni", "Saara", "Toivo", "Venla", "Väinö"]
LAST = ["Korhonen", "Virtanen", "Mäkinen", "Nieminen", "Hämäläinen", "Laine", "Heikkinen", "Järvinen"]


class Fleet:
    """Invented vehicles that drive along the street graph."""

    def __init__(self, count: int, spread: float, speed: float) -> None:
        graph = np.load(ROOT / ".run" / "basemap" / "streets.npz")
        self.offsets, self.lon, self.lat = graph["geometry_offsets"], graph["geometry_lon"], graph["geometry_lat"]
        self.edge_to, self.edge_from, self.edge_speed = graph["edge_to"], graph["edge_from"], graph["edge_speed_mps"]
        steps = np.hypot(np.diff(self.lon) * 55_500, np.diff(self.lat) * 111_200)
        self.along = np.concatenate([[0], np.cumsum(steps)])
        self.length = self.along[self.offsets[1:] - 1] - self.along[self.offsets[:-1]]
        self.random = np.random.default_rng(7)
        self.count, self.speed = count, speed
        self.edge = self.random.integers(0, len(self.edge_to), count)
        self.travelled = self.random.random(count) * self.length[self.edge]
        self.status = self.random.choice([1, 2, 3, 4, 0], count, p=[0.72, 0.17, 0.08, 0.01, 0.02]).astype(np.uint8)
        angle, radius = self.random.random(count) * 6.283, self.random.random(count) ** 1.6 * spread
        self.shift_lon = np.cos(angle) * radius * (spread > 0.001)
        self.shift_lat = np.sin(angle) * radius * 0.5 * (spread > 0.001)
        self.age_s = np.where(
            self.status == 3, self.random.integers(301, 9000, count), self.random.integers(0, 9, count)
        )
        self.anchor_s = time.time()
        self.start_s = 1_211_018_400.0 if speed != 1 else self.anchor_s
        self.place()

    def clock_s(self) -> float:
        return self.start_s + (time.time() - self.anchor_s) * self.speed

    def step(self, seconds: float) -> None:
        report = (self.random.random(self.count) < seconds / 2) & (self.status == 1)
        self.age_s = np.where(report, 0, self.age_s + seconds * self.speed)
        self.age_s = np.where((self.status == 2) & (self.age_s > 20), 0, self.age_s)
        self.travelled += np.where(report, self.edge_speed[self.edge] * 2, 0)
        for _ in range(3):
            over = np.flatnonzero(self.travelled > self.length[self.edge])
            if len(over) == 0:
                break
            self.travelled[over] -= self.length[self.edge[over]]
            node = self.edge_to[self.edge[over]]
            low, high = np.searchsorted(self.edge_from, node), np.searchsorted(self.edge_from, node, "right")
            self.edge[over] = low + (self.random.random(len(over)) * (high - low)).astype(int)
        self.travelled = np.minimum(self.travelled, self.length[self.edge])
        self.place()

    def place(self) -> None:
        at = self.along[self.offsets[self.edge]] + self.travelled
        point = np.clip(
            np.searchsorted(self.along, at, "right") - 1, self.offsets[self.edge], self.offsets[self.edge + 1] - 2
        )
        span = self.along[point + 1] - self.along[point]
        share = np.clip((at - self.along[point]) / np.where(span > 0, span, 1), 0, 1)
        east, north = self.lon[point + 1] - self.lon[point], self.lat[point + 1] - self.lat[point]
        self.at_lon = self.lon[point] + east * share + self.shift_lon
        self.at_lat = self.lat[point] + north * share + self.shift_lat
        self.course = (np.degrees(np.arctan2(east * 0.5, north)) % 360 * 256 / 360).astype(np.uint8)
        self.x = self.at_lon / 360 + 0.5
        sine = np.sin(np.radians(self.at_lat))
        self.y = 0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)

    def item(self, index: int) -> dict:
        located = self.status[index] != 0
        return {
            "id": index + 1,
            "label": f"Van {index + 1:05d}",
            "vehicle": ["Ford Transit", "VW e-Crafter", "Mercedes Sprinter"][index % 3],
            "registration": f"{'ABCEFGHIJK'[index % 10]}{'LMNOPRSTUV'[index // 10 % 10]}X-{100 + index * 7 % 900}",
            "driver": f"{FIRST[index % 10]} {LAST[index // 3 % 8]}" if index % 9 else None,
            "status": STATUSES[self.status[index]],
            "lat": float(self.at_lat[index]) if located else None,
            "lon": float(self.at_lon[index]) if located else None,
            "speed_mps": float(self.edge_speed[self.edge[index]]) if self.status[index] == 1 else 0.0,
            "fix_time_ms": int((self.clock_s() - self.age_s[index]) * 1000) if located else None,
        }

    def summary(self, fleet_id: int) -> dict:
        counts = np.bincount(self.status, minlength=5)
        bounds = [self.at_lon.min(), self.at_lat.min(), self.at_lon.max(), self.at_lat.max()] if self.count else None
        return {
            "fleet_id": fleet_id,
            "name": "City couriers",
            "clock_ms": int(self.clock_s() * 1000),
            "clock_speed": self.speed,
            "wall_ms": int(time.time() * 1000),
            "counts": {name: int(counts[i]) for i, name in enumerate(STATUSES)},
            "total": self.count,
            "bounds": [float(b) for b in bounds] if bounds else None,
            "rates": {"fixes_per_s": 0},
        }

    def tile(self, level: int, x: int, y: int) -> str:
        side = 2.0**level
        tx, ty = self.x * side - x, self.y * side - y
        rows = np.flatnonzero((tx >= 0) & (tx < 1) & (ty >= 0) & (ty < 1) & (self.status != 0))
        ids = np.diff(rows + 1, prepend=0).astype("<u4")
        unknown = (rows % 31 == 0) * 8
        columns = [
            planes(ids),
            planes((tx[rows] * 65535).astype("<u2")),
            planes((ty[rows] * 65535).astype("<u2")),
            self.course[rows].tobytes(),
            (np.where(self.status[rows] == 1, self.edge_speed[self.edge[rows]] * 2, 0)).astype("u1").tobytes(),
            (self.status[rows] | unknown).astype("u1").tobytes(),
            planes(np.minimum(self.age_s[rows], 65535).astype("<u2")),
        ]
        return envelope(1, level, x, y, len(rows), self.clock_s(), b"".join(columns))

    def cells(self, level: int, x: int, y: int) -> str:
        side = 2.0**level
        tx, ty = (self.x * side - x) * 8, (self.y * side - y) * 8
        inside = (tx >= 0) & (tx < 8) & (ty >= 0) & (ty < 8) & (self.status != 0)
        cell = ty[inside].astype(int) * 8 + tx[inside].astype(int)
        counts = np.zeros((5, 64), "<u4")
        np.add.at(counts, (self.status[inside], cell), 1)
        used = np.flatnonzero(counts.sum(axis=0))
        body = used.astype("u1").tobytes() + counts[:, used].astype("<u4").tobytes()
        return envelope(3, level, x, y, len(used), self.clock_s(), body)


def planes(column: np.ndarray) -> bytes:
    return column.view(np.uint8).reshape(-1, column.itemsize).T.tobytes()


def envelope(kind: int, level: int, x: int, y: int, rows: int, clock_s: float, body: bytes) -> str:
    packed = zlib.compressobj(6, zlib.DEFLATED, -15)
    header = struct.pack("<BBBBIIIIIdd", 1, kind, 1, level, x, y, rows, 0, 0, clock_s, 0.0)
    return base64.b64encode(header + packed.compress(body) + packed.flush()).decode()


class Mock:
    """The ASGI application."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                if message["type"] == "lifespan.startup":
                    self.ticker = asyncio.create_task(self.tick())
                    await send({"type": "lifespan.startup.complete"})
                else:
                    await send({"type": "lifespan.shutdown.complete"})
                    return
        elif scope["type"] == "websocket":
            await self.socket(receive, send)
        else:
            await self.http(scope, send)

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            self.fleet.step(0.5)

    async def http(self, scope, send) -> None:
        path = unquote(scope["path"])
        headers = [(b"content-security-policy", POLICY.encode())]
        status, kind, body = 200, "application/json", b""
        if path == "/console/":
            kind, body = "text/html", page().encode()
        elif path.startswith("/api/dispatch/"):
            status, answer = self.api(path.removeprefix("/api/dispatch/"), parse_qs(scope["query_string"].decode()))
            body = json.dumps(answer).encode()
        elif (file := STATIC / path.removeprefix("/static/")).is_file():
            kind, body = mimetypes.guess_type(path)[0] or "application/octet-stream", file.read_bytes()
            wanted = dict(scope["headers"]).get(b"range", b"").decode()
            if match := re.match(r"bytes=(\d+)-(\d+)", wanted):
                first, last = int(match[1]), min(int(match[2]), len(body) - 1)
                headers.append((b"content-range", f"bytes {first}-{last}/{len(body)}".encode()))
                status, body = 206, body[first : last + 1]
        else:
            status, body = 404, b"{}"
        headers += [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def api(self, path: str, query: dict) -> tuple[int, object]:
        fleet = self.fleet
        if path == "fleets":
            return 200, [{"id": 1, "name": "City couriers", "total": fleet.count, "clock_speed": fleet.speed}]
        if match := re.match(r"vehicles/(\d+)/track", path):
            edge, index = 0, int(match[1]) - 1
            item = fleet.item(index)
            points = [
                [item["lon"] - 0.0001 * k, item["lat"] - 0.00004 * k, item["fix_time_ms"] - 15000 * k, 8.0]
                for k in range(60, -1, -1)
            ]
            return 200, {"points": points, "gaps_after": [25 + edge], "thinned": False}
        if match := re.match(r"vehicles/(\d+)", path):
            extra = {
                "unique_id": f"86400{int(match[1]):010d}",
                "accuracy_m": 4.2,
                "battery_pct": 81.0,
                "altitude_m": 18.0,
            }
            extra |= {"course_deg": 120.0, "fleet_id": 1, "counts_today": {"accepted": 4211, "quarantined": 3}}
            return 200, fleet.item(int(match[1]) - 1) | extra
        status, search = query.get("status", [None])[0], query.get("search", [""])[0].lower()
        rows = range(fleet.count) if status is None else np.flatnonzero(fleet.status == STATUSES.index(status))
        if search:
            rows = [i for i in rows if search in json.dumps(fleet.item(i), ensure_ascii=False).lower()]
        first = int(query.get("cursor", ["0"])[0])
        items = [fleet.item(int(i)) for i in rows[first : first + 100]]
        more = str(first + 100) if first + 100 < len(rows) else None
        return 200, {"items": items, "next_cursor": more, "total": len(rows)}

    async def socket(self, receive, send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        channels: set[str] = set()
        pusher = asyncio.create_task(self.push(channels, send))
        try:
            while (message := await receive())["type"] == "websocket.receive":
                replies = []
                for line in message["text"].splitlines():
                    command = json.loads(line)
                    if "connect" in command:
                        replies.append(
                            {
                                "id": command["id"],
                                "connect": {"client": "mock", "version": "mock", "ping": 25, "pong": True},
                            }
                        )
                    elif "subscribe" in command:
                        channel = command["subscribe"]["channel"]
                        channels.add(channel)
                        replies.append(
                            {"id": command["id"], "subscribe": {"publications": [{"data": self.data(channel)}]}}
                        )
                    elif "unsubscribe" in command:
                        channels.discard(command["unsubscribe"]["channel"])
                        replies.append({"id": command["id"], "unsubscribe": {}})
                if replies:
                    await send({"type": "websocket.send", "text": "\n".join(map(json.dumps, replies))})
        finally:
            pusher.cancel()

    async def push(self, channels: set[str], send) -> None:
        while True:
            await asyncio.sleep(0.5)
            pushes = [{"push": {"channel": name, "pub": {"data": self.data(name)}}} for name in list(channels)]
            if pushes:
                await send({"type": "websocket.send", "text": "\n".join(map(json.dumps, pushes))})

    def data(self, channel: str) -> object:
        _, kind, fleet_id, *rest = channel.split(":")
        numbers = [int(part) for part in rest]
        if kind == "summary":
            return self.fleet.summary(int(fleet_id))
        if kind == "vehicle":
            item = self.fleet.item(numbers[0] - 1)
            course = float(self.fleet.course[numbers[0] - 1]) * 360 / 256
            extra = {"course_deg": course, "altitude_m": 18.0, "accuracy_m": 4.2, "battery_pct": 81.0, "received_ms": 0}
            return item | extra | {"status": int(self.fleet.status[numbers[0] - 1])}
        return self.fleet.tile(*numbers) if kind == "tile" else self.fleet.cells(*numbers)


def page() -> str:
    """The page's template, filled by hand; Django fills it in earnest."""
    manifest = json.loads((STATIC / "console" / "manifest.json").read_text())["src/console/main.ts"]
    template = (ROOT / "dispatch" / "console" / "templates" / "console" / "console.html").read_text()
    styles = "".join(f'<link rel="stylesheet" href="/static/console/{name}">' for name in manifest["css"])
    template = re.sub(
        r"\{% for style.*?\{% endfor %\}\{% for module.*?\{% endfor %\}", styles, template, flags=re.DOTALL
    )
    template = template.replace("{% static assets.script %}", f"/static/console/{manifest['file']}").replace(
        "{% load static %}", ""
    )
    template = re.sub(r"\{% static '([^']+)' %\}", r"/static/\1", template)
    config = {
        "user": "demo dispatcher",
        "apiUrl": "/api/dispatch/",
        "socketPath": "/connection/websocket",
        "basemap": {"city": "/static/basemap/helsinki.pmtiles", "world": "/static/basemap/world.pmtiles"},
        "links": {"start": "/", "admin": "/admin/"},
    }
    block = f'<script id="console-config" type="application/json">{json.dumps(config)}</script>'
    return template.replace('{{ config|json_script:"console-config" }}', block)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--vehicles", type=int, default=400)
    parser.add_argument("--spread", type=float, default=0.0, help="degrees around the city")
    parser.add_argument("--speed", type=float, default=1.0, help="of the fleet's clock")
    options = parser.parse_args()
    app = Mock(Fleet(options.vehicles, options.spread, options.speed))
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", ws="websockets-sansio")


if __name__ == "__main__":
    main()
