/// Every vehicle the map knows, in columns. Slots are reused; a slot's columns say where it was, where it goes and since when.
///
/// Interpolation: a vehicle that reports a new place glides from the place it is drawn at to the new one, over the time between
/// its last two reports (within bounds). It is thus drawn at most GLIDE_S_MAX behind its last fix and never ahead of it.

import type { VehicleFrame } from "../../wire/frames";
import { COURSE_UNKNOWN_BIT, KIND_SNAPSHOT } from "../../wire/frames";

export const NO_TILE = -1;
export const STATUS_FREE = 7;
export const CHUNK = 256;
const GLIDE_S_MIN = 0.4;
const GLIDE_S_MAX = 6;
/** A jump longer than this (unit square, about 2 km at the equator) is drawn as a jump. */
const GLIDE_UNITS_MAX = 5e-5;
/** A vehicle that left a tile waits this long for its new tile's word before it disappears. */
const LEAVING_S = 1;

export class VehicleStore {
  capacity = 1_024;
  /** Slots below this may be in use. */
  high = 0;
  count = 0;
  id = new Uint32Array(this.capacity);
  tile = new Int32Array(this.capacity).fill(NO_TILE);
  from_x = new Float64Array(this.capacity);
  from_y = new Float64Array(this.capacity);
  to_x = new Float64Array(this.capacity);
  to_y = new Float64Array(this.capacity);
  /** Start of the glide, seconds of performance.now(). */
  start_s = new Float64Array(this.capacity);
  glide_s = new Float32Array(this.capacity);
  course_from = new Uint8Array(this.capacity);
  course = new Uint8Array(this.capacity);
  speed = new Uint8Array(this.capacity);
  /** 0..4, STATUS_FREE for an unused slot; bit 3 as on the wire (course unknown). */
  status = new Uint8Array(this.capacity).fill(STATUS_FREE);
  /** The fix's time by the fleet's clock, seconds. */
  fix_time_s = new Float64Array(this.capacity);
  /** Chunks of CHUNK slots that changed since the last upload. */
  dirty = new Uint8Array(this.capacity / CHUNK);
  /** End of the last glide under way, seconds of performance.now(). */
  gliding_until_s = 0;

  private frames = 0;
  /** The frame that spoke of a slot last. */
  private stamp = new Uint32Array(this.capacity);
  private readonly slots = new Map<number, number>();
  private readonly free: number[] = [];
  private leaving: { slot: number; id: number; tile: number; at_s: number }[] = [];

  slotOf(id: number): number | undefined {
    return this.slots.get(id);
  }

  /** Take a snapshot or a delta of the tile numbered `tile`. `glide` false: everything jumps (reduced motion, first sight). */
  apply(frame: VehicleFrame, tile: number, now_s: number, glide: boolean): void {
    const stamp = ++this.frames;
    for (let row = 0; row < frame.id.length; row++) this.stamp[this.put(frame, row, tile, now_s, glide)] = stamp;
    if (frame.kind === KIND_SNAPSHOT) {
      for (let slot = 0; slot < this.high; slot++) {
        if (this.tile[slot] === tile && this.stamp[slot] !== stamp) this.leave(slot, now_s);
      }
    }
    for (const id of frame.gone) {
      const slot = this.slots.get(id);
      if (slot !== undefined && this.tile[slot] === tile) this.leave(slot, now_s);
    }
  }

  /** Forget vehicles that left their tile and that no other tile has claimed. */
  sweepLeaving(now_s: number): boolean {
    const due = this.leaving.filter((entry) => now_s - entry.at_s >= LEAVING_S);
    if (due.length === 0) return false;
    this.leaving = this.leaving.filter((entry) => now_s - entry.at_s < LEAVING_S);
    for (const { slot, id } of due) if (this.tile[slot] === NO_TILE && this.id[slot] === id) this.release(slot);
    return true;
  }

  /** Forget the vehicles of tiles that are not watched any more. */
  keepTiles(watched: ReadonlySet<number>): void {
    for (let slot = 0; slot < this.high; slot++) {
      if (this.status[slot] !== STATUS_FREE && !watched.has(this.tile[slot])) this.release(slot);
    }
  }

  clear(): void {
    this.keepTiles(new Set());
    this.leaving = [];
    this.high = 0;
    this.free.length = 0;
  }

  /** Where the vehicle of a slot is drawn at a moment, unit square. */
  placeAt(slot: number, now_s: number): [number, number] {
    const share = this.glideShare(slot, now_s);
    return [
      this.from_x[slot] + (this.to_x[slot] - this.from_x[slot]) * share,
      this.from_y[slot] + (this.to_y[slot] - this.from_y[slot]) * share,
    ];
  }

  /** The vehicle drawn nearest to a place within `radius` (units) whose status is in `statusMask`; undefined when none is. */
  nearest(x: number, y: number, radius: number, now_s: number, statusMask: number): number | undefined {
    let best: number | undefined;
    let bestSquare = radius * radius;
    // A glide is never longer than this, so what ends further away is not drawn within the radius.
    const reach = radius + GLIDE_UNITS_MAX;
    const { to_x, to_y, status } = this;
    for (let slot = 0; slot < this.high; slot++) {
      if (Math.abs(to_x[slot] - x) > reach || Math.abs(to_y[slot] - y) > reach) continue;
      if (!((statusMask >> (status[slot] & 7)) & 1)) continue;
      const share = this.glideShare(slot, now_s);
      const dx = this.from_x[slot] + (this.to_x[slot] - this.from_x[slot]) * share - x;
      const dy = this.from_y[slot] + (this.to_y[slot] - this.from_y[slot]) * share - y;
      const square = dx * dx + dy * dy;
      if (square <= bestSquare) {
        bestSquare = square;
        best = slot;
      }
    }
    return best;
  }

  markAllDirty(): void {
    this.dirty.fill(1);
  }

  private glideShare(slot: number, now_s: number): number {
    const glide = this.glide_s[slot];
    return glide <= 0 ? 1 : Math.min(1, Math.max(0, (now_s - this.start_s[slot]) / glide));
  }

  private put(frame: VehicleFrame, row: number, tile: number, now_s: number, glide: boolean): number {
    const side = 2 ** -frame.level;
    const x = (frame.x + frame.place_x[row] / 65_535) * side;
    const y = (frame.y + frame.place_y[row] / 65_535) * side;
    const id = frame.id[row];
    const known = this.slots.get(id);
    const slot = known ?? this.claim(id);
    const fix_time_s = frame.clock_s - frame.age_s[row];
    if (known === undefined || !glide) this.jump(slot, x, y, frame.course[row], now_s);
    else this.move(slot, x, y, frame.course[row], now_s);
    this.tile[slot] = tile;
    this.speed[slot] = frame.speed[row];
    this.status[slot] = frame.status[row] & (7 | COURSE_UNKNOWN_BIT);
    this.fix_time_s[slot] = fix_time_s;
    this.dirty[(slot / CHUNK) | 0] = 1;
    return slot;
  }

  private jump(slot: number, x: number, y: number, course: number, now_s: number): void {
    this.from_x[slot] = this.to_x[slot] = x;
    this.from_y[slot] = this.to_y[slot] = y;
    this.course_from[slot] = this.course[slot] = course;
    this.start_s[slot] = now_s;
    this.glide_s[slot] = 0;
  }

  private move(slot: number, x: number, y: number, course: number, now_s: number): void {
    const still = Math.abs(x - this.to_x[slot]) < 1e-10 && Math.abs(y - this.to_y[slot]) < 1e-10;
    if (still && course === this.course[slot]) return;
    const [here_x, here_y] = this.placeAt(slot, now_s);
    if (Math.hypot(x - here_x, y - here_y) > GLIDE_UNITS_MAX) {
      this.jump(slot, x, y, course, now_s);
      return;
    }
    const interval = Math.min(GLIDE_S_MAX, Math.max(GLIDE_S_MIN, now_s - this.start_s[slot]));
    this.course_from[slot] = this.course[slot];
    this.course[slot] = course;
    this.from_x[slot] = here_x;
    this.from_y[slot] = here_y;
    this.to_x[slot] = x;
    this.to_y[slot] = y;
    this.start_s[slot] = now_s;
    this.glide_s[slot] = interval;
    this.gliding_until_s = Math.max(this.gliding_until_s, now_s + interval);
  }

  private leave(slot: number, now_s: number): void {
    this.leaving.push({ slot, id: this.id[slot], tile: this.tile[slot], at_s: now_s });
    this.tile[slot] = NO_TILE;
  }

  private claim(id: number): number {
    let slot = this.free.pop();
    if (slot === undefined) {
      if (this.high === this.capacity) this.grow();
      slot = this.high++;
    }
    this.slots.set(id, slot);
    this.id[slot] = id;
    this.count++;
    return slot;
  }

  private release(slot: number): void {
    this.slots.delete(this.id[slot]);
    this.status[slot] = STATUS_FREE;
    this.tile[slot] = NO_TILE;
    this.dirty[(slot / CHUNK) | 0] = 1;
    this.free.push(slot);
    this.count--;
  }

  private grow(): void {
    this.capacity *= 2;
    const wider = <T extends Float64Array | Float32Array | Uint32Array | Int32Array | Uint8Array>(column: T): T => {
      const copy = new (column.constructor as new (length: number) => T)(this.capacity);
      copy.set(column);
      return copy;
    };
    this.id = wider(this.id);
    this.tile = wider(this.tile);
    this.from_x = wider(this.from_x);
    this.from_y = wider(this.from_y);
    this.to_x = wider(this.to_x);
    this.to_y = wider(this.to_y);
    this.start_s = wider(this.start_s);
    this.glide_s = wider(this.glide_s);
    this.course_from = wider(this.course_from);
    this.course = wider(this.course);
    this.speed = wider(this.speed);
    this.status = wider(this.status);
    this.status.fill(STATUS_FREE, this.high);
    this.tile.fill(NO_TILE, this.high);
    this.fix_time_s = wider(this.fix_time_s);
    this.stamp = wider(this.stamp);
    this.dirty = new Uint8Array(this.capacity / CHUNK).fill(1);
  }
}
