/// Aggregates on a canvas above the map: one ring a cell, its arcs the statuses, its number the exact count.

import { formatCount } from "../../wire/clock";
import type { CellFrame } from "../../wire/frames";
import { tileKey } from "../../wire/tiles";
import { STATUSES, type StatusName } from "../state";

export interface CellBubble {
  /** Centre of the cell, unit square. */
  readonly x: number;
  readonly y: number;
  readonly counts: readonly number[];
  readonly count: number;
}

export interface Projection {
  readonly width: number;
  readonly height: number;
  readonly ratio: number;
  /** Pixels per unit of the unit square. */
  readonly pixels: number;
  readonly center: readonly [number, number];
}

const GRID = 8;
const TURN = Math.PI * 2;

export class CellCanvas {
  readonly element = document.createElement("canvas");
  drawn = 0;
  private readonly frames = new Map<string, CellFrame>();
  private bubbles: CellBubble[] = [];
  private placed: { x: number; y: number; radius: number; bubble: CellBubble }[] = [];

  constructor() {
    this.element.className = "cells";
    this.element.setAttribute("aria-hidden", "true");
  }

  take(frame: CellFrame): void {
    this.frames.set(tileKey(frame), frame);
    this.collect();
  }

  keepTiles(keys: ReadonlySet<string>): void {
    for (const key of this.frames.keys()) if (!keys.has(key)) this.frames.delete(key);
    this.collect();
  }

  clear(): void {
    this.frames.clear();
    this.collect();
  }

  /** Vehicles that are drawn, by status. */
  total(): number {
    return this.bubbles.reduce((sum, bubble) => sum + bubble.count, 0);
  }

  at(x: number, y: number): CellBubble | undefined {
    return this.placed.findLast((one) => Math.hypot(one.x - x, one.y - y) <= one.radius + 3)?.bubble;
  }

  draw(view: Projection, filter: StatusName | null, connected: boolean): void {
    const canvas = this.element;
    const width = Math.round(view.width * view.ratio);
    const height = Math.round(view.height * view.ratio);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const pen = canvas.getContext("2d");
    if (pen === null) return;
    pen.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    pen.clearRect(0, 0, view.width, view.height);
    this.placed = [];
    this.drawn = 0;
    if (this.bubbles.length === 0) return;
    const ink = inkOf(canvas);
    pen.globalAlpha = connected ? 1 : 0.45;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const bubble of this.bubbles) {
      const count = filter === null ? bubble.count : bubble.counts[STATUSES.indexOf(filter)];
      if (count === 0) continue;
      const x = view.width / 2 + (bubble.x - view.center[0]) * view.pixels;
      const y = view.height / 2 + (bubble.y - view.center[1]) * view.pixels;
      if (x < -40 || y < -40 || x > view.width + 40 || y > view.height + 40) continue;
      const radius = radiusFor(count);
      drawBubble(pen, { x, y, radius, bubble, count, filter, ink });
      this.placed.push({ x, y, radius, bubble });
      this.drawn += count;
    }
  }

  private collect(): void {
    const bubbles: CellBubble[] = [];
    for (const frame of this.frames.values()) {
      const side = 2 ** -frame.level;
      for (let row = 0; row < frame.cell.length; row++) {
        const counts = frame.counts.map((column) => column[row]);
        const count = counts.reduce((sum, one) => sum + one, 0);
        if (count === 0) continue;
        const x = (frame.x + ((frame.cell[row] % GRID) + 0.5) / GRID) * side;
        const y = (frame.y + (Math.floor(frame.cell[row] / GRID) + 0.5) / GRID) * side;
        bubbles.push({ x, y, counts, count });
      }
    }
    this.bubbles = bubbles.sort((a, b) => a.count - b.count);
  }
}

interface Ink {
  readonly status: readonly string[];
  readonly surface: string;
  readonly text: string;
  readonly line: string;
}

function inkOf(element: Element): Ink {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(name);
  return {
    status: STATUSES.map((name) => read(`--status-${name === "unlocated" ? "offline" : name}`)),
    surface: read("--surface-raised"),
    text: read("--text"),
    line: read("--line-strong"),
  };
}

/** 13 to 27 px: room for the digits first, growing with the count's order of magnitude; cells are 64 px or more apart. */
export function radiusFor(count: number): number {
  return Math.min(27, 11.5 + Math.log10(count + 1) * 3.6);
}

interface Drawing {
  x: number;
  y: number;
  radius: number;
  bubble: CellBubble;
  count: number;
  filter: StatusName | null;
  ink: Ink;
}

function drawBubble(pen: CanvasRenderingContext2D, { x, y, radius, bubble, count, filter, ink }: Drawing): void {
  pen.beginPath();
  pen.arc(x, y, radius + 1, 0, TURN);
  pen.fillStyle = ink.surface;
  pen.fill();
  pen.strokeStyle = ink.line;
  pen.lineWidth = 1;
  pen.stroke();
  pen.lineWidth = 4;
  let angle = -Math.PI / 2;
  for (const [status, colour] of ink.status.entries()) {
    const part = filter !== null ? (STATUSES[status] === filter ? count : 0) : bubble.counts[status];
    if (part === 0) continue;
    const next = angle + (part / count) * TURN;
    pen.beginPath();
    pen.arc(x, y, radius - 2, angle, next);
    pen.strokeStyle = colour;
    pen.stroke();
    angle = next;
  }
  pen.font = `600 ${count > 9_999 ? 10 : 11.5}px "Inter Variable", sans-serif`;
  pen.fillStyle = ink.text;
  pen.fillText(formatCount(count), x, y + 0.5);
}
