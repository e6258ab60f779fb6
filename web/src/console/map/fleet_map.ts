/// Owns MapLibre, the vehicle layer and the cell canvas. It is told a scene and draws it; it tells what the dispatcher did.

import {
  AttributionControl,
  addProtocol,
  type GeoJSONSource,
  Map as MapLibre,
  type MapMouseEvent,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { Protocol } from "pmtiles";
import type { CellFrame, VehicleFrame } from "../../wire/frames";
import {
  type Box,
  type Layer,
  latFromMercator,
  lonFromMercator,
  mercatorX,
  mercatorY,
  metresPerUnit,
} from "../../wire/tiles";
import { VehicleStore } from "../fleet/vehicle_store";
import type { PageConfig, StatusName, Track, VehicleFix } from "../state";
import { type CellBubble, CellCanvas, type Projection } from "./cell_canvas";
import { graticule, graticuleLayers } from "./graticule";
import { basemapStyle } from "./style";
import { trackFeatures, trackLayers } from "./track";
import { VehicleLayer } from "./vehicle_layer";

export interface MapHooks {
  ready(): void;
  failed(message: string): void;
  moved(): void;
  /** A vehicle was clicked, or the empty map (undefined). */
  picked(id: number | undefined): void;
  hovered(id: number | undefined, x: number, y: number): void;
  /** The dispatcher took the map in hand, which ends following. */
  grabbed(): void;
}

export interface Scene {
  layer: Layer;
  connected: boolean;
  fleet_s: number;
  filter: StatusName | null;
  statusMask: number;
  selectedId: number | undefined;
  hoveredId: number | undefined;
  following: boolean;
  dark: boolean;
  still: boolean;
}

const HELSINKI: [number, number] = [24.9445, 60.1712];
const DETAIL_WIDTH = 332;
const FAST_REPAINT_MS = 15;
const SLOW_REPAINT_MS = 250;

export class FleetMap {
  readonly store = new VehicleStore();
  readonly cells = new CellCanvas();
  readonly vehicles: VehicleLayer;
  readonly map: MapLibre;
  firstDraw_ms: number | null = null;
  pick_ms = 0;
  private scene: Scene;
  private frozen_s = 0;
  private painted_ms = 0;
  private pointer: { x: number; y: number } | undefined;

  constructor(
    container: HTMLElement,
    private readonly config: PageConfig,
    private readonly hooks: MapHooks,
    scene: Scene,
  ) {
    this.scene = scene;
    setWorkerUrl(new URL(workerUrl, import.meta.url).href);
    addProtocol("pmtiles", new Protocol({ metadata: false }).tile);
    this.map = new MapLibre({
      container,
      style: basemapStyle(scene.dark, this.sources()),
      center: HELSINKI,
      zoom: 12,
      maxZoom: 19,
      minZoom: 1,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      maxPitch: 0,
      renderWorldCopies: false,
      fadeDuration: scene.still ? 0 : 150,
      canvasContextAttributes: { antialias: false, powerPreference: "high-performance" },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.vehicles = new VehicleLayer(this.store, () => this.look());
    this.map.getCanvasContainer().append(this.cells.element);
    this.addControls();
    this.listen();
  }

  /** Take over what the state says; cheap, called at every redraw. */
  setScene(scene: Scene): void {
    const before = this.scene;
    this.scene = scene;
    if (before.connected && !scene.connected) this.frozen_s = performance.now() / 1000;
    if (before.dark !== scene.dark) this.repaintTheme(scene.dark);
    const same =
      before.layer === scene.layer &&
      before.connected === scene.connected &&
      before.filter === scene.filter &&
      before.selectedId === scene.selectedId &&
      before.hoveredId === scene.hoveredId &&
      before.dark === scene.dark;
    if (!same) this.map.triggerRepaint();
  }

  takeVehicles(frame: VehicleFrame, tile: number): void {
    this.store.apply(frame, tile, performance.now() / 1000, !this.scene.still && !document.hidden);
    this.map.triggerRepaint();
  }

  takeCells(frame: CellFrame): void {
    this.cells.take(frame);
    this.map.triggerRepaint();
  }

  showTrack(track: Track | undefined, fix: VehicleFix | null): void {
    const source = this.map.getSource<GeoJSONSource>("track");
    source?.setData(trackFeatures(track, fix));
  }

  fit(bounds: readonly [number, number, number, number], animate: boolean): void {
    this.map.fitBounds([bounds[0], bounds[1], bounds[2], bounds[3]], {
      padding: 56,
      maxZoom: 15.5,
      animate: animate && !this.scene.still,
    });
  }

  goTo(lon: number, lat: number, zoom: number | undefined): void {
    const to = zoom ?? this.map.getZoom();
    const target = { center: this.besideDetail(mercatorX(lon), mercatorY(lat), to), zoom: to };
    if (this.scene.still) this.map.jumpTo(target);
    else this.map.easeTo({ ...target, duration: 450 });
  }

  view(): Box {
    const bounds = this.map.getBounds();
    return {
      west: mercatorX(bounds.getWest()),
      east: mercatorX(bounds.getEast()),
      north: mercatorY(bounds.getNorth()),
      south: mercatorY(bounds.getSouth()),
    };
  }

  /** Once an animation frame: ask for a repaint while something glides, keep a followed vehicle in the middle. */
  tick(now_ms: number): void {
    const now_s = now_ms / 1000;
    if (this.store.sweepLeaving(now_s)) this.map.triggerRepaint();
    if (!this.scene.connected || this.scene.layer !== "vehicles") return;
    if (this.scene.following) this.keepFollowed(now_s);
    const gliding = !this.scene.still && now_s < this.store.gliding_until_s;
    if (gliding && now_ms - this.painted_ms >= this.repaintInterval()) this.map.triggerRepaint();
  }

  screenPlace(id: number): readonly [number, number] | null {
    const slot = this.store.slotOf(id);
    if (slot === undefined) return null;
    const [x, y] = this.store.placeAt(slot, this.draw_s());
    const view = this.projection();
    return [view.width / 2 + (x - view.center[0]) * view.pixels, view.height / 2 + (y - view.center[1]) * view.pixels];
  }

  private keepFollowed(now_s: number): void {
    const id = this.scene.selectedId;
    const slot = id === undefined ? undefined : this.store.slotOf(id);
    if (slot === undefined) return;
    const [x, y] = this.store.placeAt(slot, now_s);
    const center = this.map.getCenter();
    const target = this.besideDetail(x, y, this.map.getZoom());
    const off = Math.hypot(mercatorX(target[0]) - mercatorX(center.lng), y - mercatorY(center.lat));
    if (off * 512 * 2 ** this.map.getZoom() > 0.3 && !this.map.isMoving()) this.map.setCenter(target);
  }

  /** The map's centre that shows a place in the middle of what the open detail panel leaves free. */
  private besideDetail(x: number, y: number, zoom: number): [number, number] {
    const width = this.map.getContainer().clientWidth;
    const shift = this.scene.selectedId !== undefined && width > 2 * DETAIL_WIDTH ? DETAIL_WIDTH / 2 : 0;
    return [lonFromMercator(x + shift / (512 * 2 ** zoom)), latFromMercator(y)];
  }

  /** At city scale a car moves a fraction of a pixel a frame: repaint as often as a fast one (25 m/s) moves half a pixel. */
  private repaintInterval(): number {
    const metresPerPixel = metresPerUnit(this.map.getCenter().lat) / (512 * 2 ** this.map.getZoom());
    return Math.min(SLOW_REPAINT_MS, Math.max(FAST_REPAINT_MS, (500 * metresPerPixel) / 25));
  }

  private draw_s(): number {
    return this.scene.connected ? performance.now() / 1000 : this.frozen_s;
  }

  private look() {
    const { scene, store } = this;
    return {
      fleet_s: scene.fleet_s,
      draw_s: this.draw_s(),
      connected: scene.connected,
      statusMask: scene.statusMask,
      selectedSlot: scene.selectedId === undefined ? undefined : store.slotOf(scene.selectedId),
      hoveredSlot: scene.hoveredId === undefined ? undefined : store.slotOf(scene.hoveredId),
      dark: scene.dark,
      hidden: scene.layer !== "vehicles",
    };
  }

  projection(): Projection {
    const canvas = this.map.getCanvas();
    const ratio = this.map.getPixelRatio();
    const center = this.map.getCenter();
    return {
      width: canvas.width / ratio,
      height: canvas.height / ratio,
      ratio,
      pixels: 512 * 2 ** this.map.getZoom(),
      center: [mercatorX(center.lng), mercatorY(center.lat)],
    };
  }

  private sources() {
    const absolute = (path: string) => `pmtiles://${new URL(path, document.baseURI).href}`;
    return { city: absolute(this.config.basemap.city), world: absolute(this.config.basemap.world) };
  }

  private graticule() {
    const bounds = this.map.getBounds();
    return graticule(bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth());
  }

  private addControls(): void {
    this.map.addControl(new AttributionControl({ compact: false }), "bottom-right");
    this.map.addControl(new NavigationControl({ showCompass: false }), "bottom-right");
    this.map.addControl(new ScaleControl({ maxWidth: 110 }), "bottom-left");
  }

  private listen(): void {
    const map = this.map;
    // Not "load": vehicles need not wait until every tile of the ground is drawn.
    map.once("style.load", () => {
      map.addSource("graticule", { type: "geojson", data: this.graticule() });
      // Under the city's ground, so that the net fills only what has no map.
      for (const layer of graticuleLayers(this.scene.dark)) map.addLayer(layer, "ground");
      map.on("moveend", () => map.getSource<GeoJSONSource>("graticule")?.setData(this.graticule()));
      map.addSource("track", { type: "geojson", data: trackFeatures(undefined, null) });
      for (const layer of trackLayers(this.scene.dark)) map.addLayer(layer);
      map.addLayer(this.vehicles);
      this.hooks.ready();
    });
    map.on("render", () => this.afterRender());
    map.on("move", () => this.hooks.moved());
    map.on("dragstart", () => this.hooks.grabbed());
    map.on("click", (event) => this.click(event));
    map.on("mousemove", (event) => this.hover(event));
    map.on("mouseout", () => this.hooks.hovered(undefined, 0, 0));
    map.on("error", (event) => this.hooks.failed(event.error.message));
  }

  private afterRender(): void {
    this.painted_ms = performance.now();
    const cells = this.scene.layer === "cells";
    if (cells) this.cells.draw(this.projection(), this.scene.filter, this.scene.connected);
    else if (this.cells.drawn > 0) this.cells.draw({ ...this.projection(), width: 1, height: 1 }, null, true);
    this.cells.element.hidden = !cells;
    if (this.firstDraw_ms === null && (cells ? this.cells.drawn : this.vehicles.drawn) > 0)
      this.firstDraw_ms = performance.now();
  }

  private click(event: MapMouseEvent): void {
    if (this.scene.layer === "cells") {
      const bubble = this.cells.at(event.point.x, event.point.y);
      if (bubble) this.openBubble(bubble);
      return;
    }
    this.hooks.picked(this.pick(event.point.x, event.point.y));
  }

  private openBubble(bubble: CellBubble): void {
    this.goTo(lonFromMercator(bubble.x), latFromMercator(bubble.y), Math.min(19, this.map.getZoom() + 2));
  }

  private hover(event: MapMouseEvent): void {
    const pending = this.pointer !== undefined;
    this.pointer = { x: event.point.x, y: event.point.y };
    if (pending) return;
    requestAnimationFrame(() => {
      const { x, y } = this.pointer ?? { x: 0, y: 0 };
      this.pointer = undefined;
      const overCell = this.scene.layer === "cells" && this.cells.at(x, y) !== undefined;
      const id = this.scene.layer === "vehicles" ? this.pick(x, y) : undefined;
      this.map.getCanvas().classList.toggle("over", overCell || id !== undefined);
      this.hooks.hovered(id, x, y);
    });
  }

  private pick(x: number, y: number): number | undefined {
    const started = performance.now();
    const view = this.projection();
    const slot = this.store.nearest(
      view.center[0] + (x - view.width / 2) / view.pixels,
      view.center[1] + (y - view.height / 2) / view.pixels,
      (this.vehicles.size_px / 2 + 5) / view.pixels,
      this.draw_s(),
      this.scene.statusMask,
    );
    this.pick_ms = performance.now() - started;
    return slot === undefined ? undefined : this.store.id[slot];
  }

  private repaintTheme(dark: boolean): void {
    const layers = [...basemapStyle(dark, this.sources()).layers, ...graticuleLayers(dark), ...trackLayers(dark)];
    for (const layer of layers) {
      if (!this.map.getLayer(layer.id)) continue;
      for (const [name, value] of Object.entries(layer.paint ?? {})) {
        this.map.setPaintProperty(layer.id, name as "fill-color", value as string);
      }
    }
  }
}
