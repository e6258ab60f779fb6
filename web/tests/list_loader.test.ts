import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Api } from "../src/console/api";
import { ListLoader } from "../src/console/list_loader";
import { initialState, type State } from "../src/console/state";

/// A real HTTP server that knows 250 vehicles: every third is idle, the others move.
const VEHICLES = Array.from({ length: 250 }, (_, index) => ({
  id: index + 1,
  label: `Van ${index + 1}`,
  status: index % 3 === 0 ? "idle" : "moving",
}));

let server: Server;
let state: State;
let loader: ListLoader;
let asked: string[] = [];
let failing = false;

beforeEach(async () => {
  asked = [];
  failing = false;
  server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://localhost");
    asked.push(url.search);
    if (failing) return response.writeHead(503).end("{}");
    const status = url.searchParams.get("status");
    const search = url.searchParams.get("search") ?? "";
    const fitting = VEHICLES.filter((one) => (!status || one.status === status) && one.label.includes(search));
    const first = Number(url.searchParams.get("cursor") ?? 0);
    const next_cursor = first + 100 < fitting.length ? String(first + 100) : null;
    const page = { items: fitting.slice(first, first + 100), total: fitting.length, next_cursor };
    // The longer the search, the faster the answer: a slow old answer must not replace a newer one.
    setTimeout(() => response.end(JSON.stringify(page)), search === "" ? 30 : 1);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  state = initialState({
    user: "",
    apiUrl: base,
    socketPath: "",
    basemap: { city: "", world: "" },
    links: { start: "/", admin: null },
  });
  state.fleetId = 1;
  loader = new ListLoader(state, new Api(base), () => undefined);
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const settled = (phase = "ready"): Promise<void> =>
  expect.poll(() => state.list.phase, { timeout: 2_000, interval: 5 }).toBe(phase);

describe("the list", () => {
  test("pages arrive as the reader scrolls, until all are there", async () => {
    loader.reload();
    await settled();
    expect(state.list.items.length).toBe(100);
    expect(state.list.total).toBe(250);
    for (const rows of [200, 250]) {
      loader.scrolled(state.list.items.length * 54, 600);
      await expect.poll(() => state.list.items.length).toBe(rows);
    }
    expect(state.list.cursor).toBeNull();
    expect(new Set(state.list.items.map((item) => item.id)).size).toBe(250);
  });

  test("a status filter asks the server and counts exactly", async () => {
    state.filter = "idle";
    loader.reload();
    await settled();
    expect(asked).toEqual(["?limit=100&status=idle"]);
    expect(state.list.total).toBe(84);
    expect(state.list.items.every((item) => item.status === "idle")).toBe(true);
  });

  test("a slow answer to an older search never replaces a newer one", async () => {
    loader.reload();
    state.search = "Van 24";
    loader.reload();
    await settled();
    await new Promise((later) => setTimeout(later, 60));
    expect(state.list.items.map((item) => item.label)).toContain("Van 249");
    expect(state.list.total).toBe(11);
  });

  test("a failure is said in a sentence and trying again recovers", async () => {
    failing = true;
    loader.reload();
    await settled("failed");
    expect(state.list.message).toBe("The server is overloaded. It will be tried again.");
    failing = false;
    loader.reload();
    await settled();
    expect(state.list.total).toBe(250);
  });
});
