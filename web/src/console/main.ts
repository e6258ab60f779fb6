/// The console's start: reads the page's configuration, connects state, ctrl, socket, map and views, and redraws.

import "../styles/tokens.css";
import "../styles/fonts.css";
import "maplibre-gl/dist/maplibre-gl.css";
import "../styles/console.css";
import { render } from "lit-html";
import { Api } from "./api";
import { Ctrl } from "./ctrl";
import { listenToKeys } from "./keyboard";
import { FleetMap } from "./map/fleet_map";
import { FrameMeter, publishPort } from "./metrics";
import * as preferences from "./preferences";
import { bytesReceived, FleetSocket } from "./socket";
import { initialState, type PageConfig } from "./state";
import { detailPanel } from "./views/detail_panel";
import { listPanel } from "./views/list_panel";
import { mapOverlays, overlays } from "./views/overlays";
import { rail } from "./views/rail";
import { topBar } from "./views/top_bar";

const LIVE_REDRAW_MS = 400;

const meter = new FrameMeter();
meter.install();

const element = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
};

const config = JSON.parse(element("console-config").textContent ?? "{}") as PageConfig;
const state = initialState(config);
state.theme = preferences.readTheme();
state.panelOpen = preferences.read("panel") !== "closed";
state.panelWidth = preferences.readNumber("panel-width") ?? state.panelWidth;

let dirty = true;
let drawn_ms = 0;
const markDirty = () => {
  dirty = true;
};
const ctrl = new Ctrl(state, new Api(config.apiUrl), markDirty, () => draw());

function draw(): void {
  document.documentElement.style.setProperty("--panel-width", state.panelOpen ? `${state.panelWidth}px` : "0px");
  const overlayBefore = document.querySelector(".dialog") !== null;
  render(rail(state, ctrl), element("rail"));
  render(topBar(state, ctrl), element("top"));
  render(listPanel(state, ctrl), element("panel"));
  render(detailPanel(state, ctrl), element("detail"));
  render(mapOverlays(state, ctrl), element("map-overlays"));
  render(overlays(state, ctrl), element("overlays"));
  if (!overlayBefore) document.querySelector<HTMLElement>("#palette-input, #help-close")?.focus();
  ctrl.list.measured(document.getElementById("rows")?.clientHeight ?? 0);
  ctrl.map.setScene(ctrl.scene());
}

/** One redraw per animation frame at most; without a change, often enough for clocks and ages. */
function frame(now_ms: number): void {
  requestAnimationFrame(frame);
  ctrl.map.tick(now_ms);
  if (!dirty && now_ms - drawn_ms < LIVE_REDRAW_MS) return;
  dirty = false;
  drawn_ms = now_ms;
  draw();
}

function socketUrl(): string {
  const url = new URL(config.socketPath, window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

function start(): void {
  // Asked for before the map is built: the answers come while the browser prepares its drawing.
  ctrl.socket = new FleetSocket(socketUrl(), {
    connection: (connection, reason) => ctrl.takeConnection(connection, reason),
    summary: (summary) => ctrl.takeSummary(summary),
    frame: (layer, tile, number) => ctrl.takeFrame(layer, tile, number),
    covered: (layer, tiles, keys) => ctrl.takeCover(layer, tiles, keys),
    vehicle: (fix) => ctrl.takeVehicle(fix),
    problem: (message) => ctrl.say(message),
  });
  ctrl.socket.open();
  void ctrl.loadFleets();
  ctrl.map = new FleetMap(
    element("map"),
    config,
    {
      ready: () => ctrl.mapReady(),
      failed: (message) => ctrl.mapFailed(message),
      moved: () => ctrl.mapMoved(),
      picked: (id) => (id === undefined ? ctrl.close() : ctrl.select(id, false)),
      hovered: (id, x, y) => ctrl.hover(id, x, y),
      grabbed: () => {
        state.following = false;
      },
    },
    ctrl.scene(),
  );
  listenToKeys(state, ctrl);
  new ResizeObserver(() => ctrl.map.map.resize()).observe(element("map"));
  requestAnimationFrame(frame);
}

publishPort({
  get vehiclesDrawn() {
    return ctrl.map.vehicles.drawn;
  },
  get vehiclesInCells() {
    return ctrl.map.cells.drawn;
  },
  get layer() {
    return ctrl.scene().layer;
  },
  get frames() {
    return meter.frames;
  },
  get scriptMsP50() {
    return meter.quantile(0.5);
  },
  get scriptMsP99() {
    return meter.quantile(0.99);
  },
  get bytesReceived() {
    return bytesReceived();
  },
  get firstDataMs() {
    return ctrl.firstData_ms;
  },
  get firstMapMs() {
    return ctrl.map.firstDraw_ms;
  },
  get connection() {
    return state.connection;
  },
  get fleetId() {
    return state.fleetId ?? null;
  },
  get selectedId() {
    return state.selection?.id ?? null;
  },
  get followedId() {
    return state.following ? (state.selection?.id ?? null) : null;
  },
  get center() {
    const { lng, lat } = ctrl.map.map.getCenter();
    return [lng, lat] as const;
  },
  get zoom() {
    return ctrl.map.map.getZoom();
  },
  get tilesWatched() {
    return ctrl.watched;
  },
  get framesDecoded() {
    return ctrl.framesDecoded;
  },
  get pickMs() {
    return ctrl.map.pick_ms;
  },
  screenPlace: (id: number) => ctrl.map.screenPlace(id),
  reset: () => meter.reset(),
});

start();
