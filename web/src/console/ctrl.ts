/// Intents: what the dispatcher wants and what the server says, turned into changes of the state. Ends every one with redraw().

import { fleetNow } from "../wire/clock";
import { KIND_CELLS, type TileFrame } from "../wire/frames";
import { type Layer, layerFor, tilesInView } from "../wire/tiles";
import { type Api, ApiError } from "./api";
import { ListLoader } from "./list_loader";
import type { FleetMap, Scene } from "./map/fleet_map";
import { nextPoint } from "./map/track";
import * as preferences from "./preferences";
import type { ConnectionState, FleetSocket } from "./socket";
import {
  PANEL_WIDTH,
  STATUSES,
  type State,
  type StatusName,
  type Summary,
  type Theme,
  type VehicleFix,
  type VehicleItem,
} from "./state";

const EVERY_STATUS = 0b11111;
const TRACK_MINUTES = 30;
const WATCH_EVERY_MS = 120;
const darkSystem = window.matchMedia("(prefers-color-scheme: dark)");
const stillSystem = window.matchMedia("(prefers-reduced-motion: reduce)");

export class Ctrl {
  readonly list: ListLoader;
  map!: FleetMap;
  socket!: FleetSocket;
  framesDecoded = 0;
  watched: readonly string[] = [];
  private watchTimer: number | undefined;
  private labels = new Map<number, string>();
  firstData_ms: number | null = null;
  private fitted: number | undefined;

  constructor(
    readonly state: State,
    readonly api: Api,
    readonly redraw: () => void,
    /** Draw at once, for what needs the document to be current (giving the focus). */
    readonly redrawNow: () => void,
  ) {
    this.list = new ListLoader(state, api, redraw);
    darkSystem.addEventListener("change", redraw);
    stillSystem.addEventListener("change", redraw);
  }

  // --- Start and fleets -------------------------------------------------------------------------------------------------

  async loadFleets(): Promise<void> {
    this.state.fleets = { is: "loading" };
    this.redraw();
    try {
      const fleets = await this.api.fleets();
      this.state.fleets = { is: "ready", value: fleets };
      const wanted = preferences.readNumber("fleet");
      const first = fleets.find((fleet) => fleet.id === wanted) ?? fleets[0];
      if (first && this.state.fleetId === undefined) this.openFleet(first.id);
    } catch (error) {
      this.state.fleets = { is: "failed", message: sentence(error) };
    }
    this.redraw();
  }

  openFleet(fleetId: number): void {
    const { state } = this;
    state.overlay = "none";
    this.redraw();
    if (fleetId === state.fleetId) return;
    preferences.write("fleet", String(fleetId));
    state.fleetId = fleetId;
    state.summary = undefined;
    state.clock = undefined;
    state.filter = null;
    state.search = "";
    this.close();
    this.map.store.clear();
    this.map.cells.clear();
    this.socket.setFleet(fleetId);
    this.list.reload();
    this.redraw();
  }

  // --- What the server says -----------------------------------------------------------------------------------------------

  takeConnection(connection: ConnectionState, reason: string): void {
    const { state } = this;
    if (connection === "live" || state.connection === "live") state.lastLive_ms = Date.now();
    state.connection = connection === "reconnecting" && state.lastLive_ms === undefined ? "connecting" : connection;
    state.refusal = connection === "refused" ? reason : "";
    this.redraw();
  }

  takeSummary(summary: Summary): void {
    const { state } = this;
    if (summary.fleet_id !== state.fleetId) return;
    const first = state.summary === undefined;
    state.summary = summary;
    state.clock = { clock_ms: summary.clock_ms, clock_speed: summary.clock_speed, arrived_ms: performance.now() };
    if (first) this.fitOnce(summary);
    this.list.refreshWhenStale();
    this.redraw();
  }

  takeFrame(layer: Layer, frame: TileFrame, tile: number): void {
    this.framesDecoded += 1;
    if ((frame.kind === KIND_CELLS ? frame.cell : frame.id).length > 0) this.firstData_ms ??= performance.now();
    if (frame.kind === KIND_CELLS) this.map.takeCells(frame);
    else if (layer === "vehicles") this.map.takeVehicles(frame, tile);
    this.redraw();
  }

  takeCover(layer: Layer, tiles: ReadonlySet<number>, keys: ReadonlySet<string>): void {
    this.watched = [...keys];
    if (layer === "vehicles") {
      this.map.store.keepTiles(tiles);
      this.map.cells.clear();
    } else {
      this.map.cells.keepTiles(keys);
      this.map.store.clear();
    }
    this.map.map.triggerRepaint();
  }

  takeVehicle(fix: VehicleFix): void {
    const { selection } = this.state;
    if (selection?.id !== fix.id) return;
    selection.fix = fix;
    if (selection.track.is === "ready") {
      const point = nextPoint(selection.track.value, fix);
      if (point) selection.track.value.points.push(point);
    }
    this.drawTrack();
    if (this.state.following && this.map.store.slotOf(fix.id) === undefined && fix.lon !== null && fix.lat !== null)
      this.map.goTo(fix.lon, fix.lat, undefined);
    this.redraw();
  }

  say(notice: string): void {
    this.state.notice = notice;
    this.redraw();
  }

  // --- The map ------------------------------------------------------------------------------------------------------------

  mapReady(): void {
    this.state.mapPhase = "ready";
    this.drawTrack();
    this.redraw();
  }

  mapFailed(message: string): void {
    if (this.state.mapPhase === "loading") this.state.mapPhase = "failed";
    this.state.mapMessage = message;
    this.redraw();
  }

  /** Watch what is in view; called at every move, acts at most every WATCH_EVERY_MS. */
  mapMoved(): void {
    if (this.watchTimer !== undefined) return;
    this.watchTimer = window.setTimeout(() => {
      this.watchTimer = undefined;
      this.watchView();
    }, WATCH_EVERY_MS);
    this.redraw();
  }

  watchView(): void {
    const total = this.state.summary?.total;
    if (total === undefined) return;
    const zoom = this.map.map.getZoom();
    const view = this.map.view();
    const layer = layerFor(zoom, total);
    this.socket.setTiles(layer, tilesInView(view, zoom, layer), view);
    this.redraw();
  }

  layer(): Layer {
    return layerFor(this.map.map.getZoom(), this.state.summary?.total ?? 0);
  }

  hover(id: number | undefined, x: number, y: number): void {
    const { state } = this;
    if (id === undefined && state.hovered === undefined) return;
    if (id === undefined) state.hovered = undefined;
    else state.hovered = { id, x, y, label: this.labelOf(id) };
    this.redraw();
  }

  fitFleet(): void {
    const bounds = this.state.summary?.bounds;
    this.state.following = false;
    if (bounds) this.map.fit(bounds, true);
    else this.say("No vehicle of this fleet has a position yet.");
  }

  scene(): Scene {
    const { state } = this;
    const now = state.clock ? fleetNow(state.clock, performance.now()) : Date.now();
    return {
      layer: state.summary ? this.layer() : "vehicles",
      connected: state.connection === "live",
      fleet_s: now / 1000,
      filter: state.filter,
      statusMask: state.filter === null ? EVERY_STATUS : 1 << STATUSES.indexOf(state.filter),
      selectedId: state.selection?.id,
      hoveredId: state.hovered?.id,
      following: state.following,
      dark: this.dark(),
      still: stillSystem.matches,
    };
  }

  // --- Selection ------------------------------------------------------------------------------------------------------------

  select(id: number, goThere: boolean): void {
    const { state } = this;
    if (state.selection?.id !== id) {
      state.selection = { id, detail: { is: "loading" }, fix: null, track: { is: "loading" } };
      state.following = false;
      this.socket.setVehicle(id);
      void this.loadSelection(id, goThere);
    } else if (goThere) this.showSelected();
    state.hovered = undefined;
    this.drawTrack();
    this.redraw();
  }

  close(): void {
    const { state } = this;
    state.selection = undefined;
    state.following = false;
    this.socket.setVehicle(undefined);
    this.drawTrack();
    this.redraw();
  }

  async retrySelection(): Promise<void> {
    const { selection } = this.state;
    if (selection) await this.loadSelection(selection.id, false);
  }

  toggleFollow(): void {
    const { state } = this;
    if (!state.selection) return;
    state.following = !state.following;
    if (state.following) this.showSelected();
    this.redraw();
  }

  showSelected(): void {
    const place = this.selectedPlace();
    if (place) this.map.goTo(place[0], place[1], Math.max(15, this.map.map.getZoom()));
    else this.say("This vehicle has no position yet.");
  }

  private selectedPlace(): [number, number] | undefined {
    const { selection } = this.state;
    const detail = selection?.detail.is === "ready" ? selection.detail.value : undefined;
    const lon = selection?.fix?.lon ?? detail?.lon;
    const lat = selection?.fix?.lat ?? detail?.lat;
    return lon == null || lat == null ? undefined : [lon, lat];
  }

  private async loadSelection(id: number, goThere: boolean): Promise<void> {
    const selection = this.state.selection;
    if (selection?.id !== id) return;
    const detail = this.api.vehicle(id).then(
      (value) => {
        selection.detail = { is: "ready", value };
        this.labels.set(id, value.label);
        if (goThere && this.state.selection === selection) this.showSelected();
      },
      (error: unknown) => {
        selection.detail = { is: "failed", message: sentence(error) };
      },
    );
    const track = this.api.track(id, TRACK_MINUTES).then(
      (value) => {
        selection.track = { is: "ready", value };
      },
      (error: unknown) => {
        selection.track = { is: "failed", message: sentence(error) };
      },
    );
    await Promise.all([detail.then(this.redraw), track.then(() => this.drawTrack()).then(this.redraw)]);
  }

  private drawTrack(): void {
    const { selection } = this.state;
    const track = selection?.track.is === "ready" ? selection.track.value : undefined;
    this.map.showTrack(track, selection?.fix ?? null);
  }

  private fitOnce(summary: Summary): void {
    if (this.fitted !== summary.fleet_id && summary.bounds) this.map.fit(summary.bounds, false);
    this.fitted = summary.fleet_id;
    this.watchView();
  }

  // --- List, filter, search -----------------------------------------------------------------------------------------------

  filterBy(status: StatusName | null): void {
    this.state.filter = this.state.filter === status ? null : status;
    this.list.reload();
    this.redraw();
  }

  search(text: string): void {
    this.state.search = text;
    this.list.reloadSoon();
    this.redraw();
  }

  moveRow(step: number): void {
    const { list } = this.state;
    if (list.items.length === 0) return;
    list.row = Math.max(0, Math.min(list.items.length - 1, list.row + step));
    this.list.revealRow();
    this.redraw();
  }

  openRow(): void {
    const item = this.state.list.items[this.state.list.row];
    if (item) this.select(item.id, true);
  }

  /** What the map knows about a vehicle is fresher than the list's page; undefined when it is out of view. */
  live(item: VehicleItem): { status: StatusName; fix_time_ms: number; speed_mps: number | null } | undefined {
    const { store } = this.map;
    const slot = store.slotOf(item.id);
    if (slot === undefined) return undefined;
    const speed = store.speed[slot];
    return {
      status: STATUSES[store.status[slot] & 7] ?? "unlocated",
      fix_time_ms: store.fix_time_s[slot] * 1000,
      speed_mps: speed === 255 ? null : speed / 2,
    };
  }

  // --- Page ---------------------------------------------------------------------------------------------------------------

  togglePanel(): void {
    this.state.panelOpen = !this.state.panelOpen;
    preferences.write("panel", this.state.panelOpen ? "open" : "closed");
    this.redraw();
  }

  resizePanel(width: number): void {
    this.state.panelWidth = Math.round(Math.min(PANEL_WIDTH.most, Math.max(PANEL_WIDTH.least, width)));
    preferences.write("panel-width", String(this.state.panelWidth));
    this.redraw();
  }

  setTheme(theme: Theme): void {
    this.state.theme = theme;
    preferences.write("theme", theme);
    preferences.applyTheme(theme);
    this.redraw();
  }

  dark(): boolean {
    return this.state.theme === "system" ? darkSystem.matches : this.state.theme === "dark";
  }

  private labelOf(id: number): string {
    const known = this.labels.get(id) ?? this.state.list.items.find((item) => item.id === id)?.label;
    if (known !== undefined) return known;
    this.labels.set(id, "");
    this.api.vehicle(id).then(
      (detail) => {
        this.labels.set(id, detail.label);
        const { hovered } = this.state;
        if (hovered?.id === id) this.hover(id, hovered.x, hovered.y);
      },
      () => this.labels.delete(id),
    );
    return "";
  }
}

function sentence(error: unknown): string {
  return error instanceof ApiError ? error.message : `Something went wrong in this page: ${String(error)}`;
}
