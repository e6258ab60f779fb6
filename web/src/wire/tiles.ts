/// Web-mercator arithmetic and the choice of tiles to watch. The world is the unit square: x east, y south, from the north-west.

import type { TileAddress } from "./frames";

export const VEHICLE_LEVELS: readonly number[] = [5, 8, 11, 14];
export const CELL_LEVEL_MAX = 11;
/** From here on single vehicles are drawn; a fleet no larger than SMALL_FLEET is always drawn vehicle by vehicle. */
export const VEHICLE_ZOOM_MIN = 11;
export const SMALL_FLEET = 2_000;
export const TILES_WATCHED_MAX = 24;
export const VIEW_PADDING = 0.1;
/** A tile stays watched until it is this far (in views) outside, so that panning to and fro changes nothing. */
export const KEEP_PADDING = 0.5;

export type Layer = "vehicles" | "cells";

/** A rectangle of the unit square; north < south. */
export interface Box {
  readonly west: number;
  readonly north: number;
  readonly east: number;
  readonly south: number;
}

export const mercatorX = (lon: number): number => lon / 360 + 0.5;

export function mercatorY(lat: number): number {
  const sine = Math.sin((Math.max(-85.051129, Math.min(85.051129, lat)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
}

export const lonFromMercator = (x: number): number => (x - 0.5) * 360;
export const latFromMercator = (y: number): number => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

/** Metres per unit of the unit square at a latitude. */
export const metresPerUnit = (lat: number): number => 40_075_016.686 * Math.cos((lat * Math.PI) / 180);

/** What is drawn at this zoom for a fleet of this size. */
export function layerFor(zoom: number, fleet_total: number): Layer {
  return zoom >= VEHICLE_ZOOM_MIN || fleet_total <= SMALL_FLEET ? "vehicles" : "cells";
}

/** The tiles that cover a view: the finest allowed level whose padded cover stays within TILES_WATCHED_MAX. */
export function tilesInView(view: Box, zoom: number, layer: Layer): TileAddress[] {
  const levels = layer === "cells" ? range(Math.min(CELL_LEVEL_MAX, Math.floor(zoom))) : vehicleLevels(zoom);
  const padded = pad(view, VIEW_PADDING);
  for (const level of levels) {
    const tiles = cover(padded, level);
    if (tiles.length <= TILES_WATCHED_MAX) return tiles;
  }
  return cover(view, levels[levels.length - 1]).slice(0, TILES_WATCHED_MAX);
}

/** Which tiles to keep, add and drop. Tiles of another level or layer are dropped; near ones of the same level are kept. */
export function planWatching(watched: Iterable<TileAddress>, wanted: readonly TileAddress[], view: Box) {
  const level = wanted[0]?.level;
  const near = pad(view, KEEP_PADDING);
  const kept = [...watched].filter((tile) => tile.level === level && touches(tile, near));
  const keptKeys = new Set(kept.map(tileKey));
  const add = wanted.filter((tile) => !keptKeys.has(tileKey(tile)));
  const wantedKeys = new Set(wanted.map(tileKey));
  const spare = kept.filter((tile) => !wantedKeys.has(tileKey(tile)));
  const room = TILES_WATCHED_MAX - wanted.length;
  const keep = [...kept.filter((tile) => wantedKeys.has(tileKey(tile))), ...spare.slice(0, Math.max(0, room))];
  const keepKeys = new Set(keep.map(tileKey));
  return { add, keep, drop: [...watched].filter((tile) => !keepKeys.has(tileKey(tile))) };
}

export const tileKey = (tile: TileAddress): string => `${tile.level}/${tile.x}/${tile.y}`;

export function tileBox(tile: TileAddress): Box {
  const side = 2 ** -tile.level;
  return { west: tile.x * side, north: tile.y * side, east: (tile.x + 1) * side, south: (tile.y + 1) * side };
}

function vehicleLevels(zoom: number): number[] {
  const fitting = VEHICLE_LEVELS.filter((level) => level <= Math.max(zoom, VEHICLE_LEVELS[0]));
  return fitting.reverse();
}

function range(from: number): number[] {
  return Array.from({ length: Math.max(0, from) + 1 }, (_, index) => Math.max(0, from) - index);
}

function pad(view: Box, share: number): Box {
  const dx = (view.east - view.west) * share;
  const dy = (view.south - view.north) * share;
  return { west: view.west - dx, north: view.north - dy, east: view.east + dx, south: view.south + dy };
}

function cover(view: Box, level: number): TileAddress[] {
  const side = 2 ** level;
  const column = (x: number) => Math.max(0, Math.min(side - 1, Math.floor(x * side)));
  const tiles: TileAddress[] = [];
  for (let y = column(view.north); y <= column(view.south); y++)
    for (let x = column(view.west); x <= column(view.east); x++) tiles.push({ level, x, y });
  return tiles;
}

function touches(tile: TileAddress, box: Box): boolean {
  const own = tileBox(tile);
  return own.west <= box.east && own.east >= box.west && own.north <= box.south && own.south >= box.north;
}
