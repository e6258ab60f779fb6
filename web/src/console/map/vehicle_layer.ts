/// The vehicles on the map: one instanced draw call in MapLibre's own WebGL2 context.
///
/// A vehicle is eight floats (place it comes from, place it goes to, start and length of the glide, fix time, packed look). They
/// are uploaded only for chunks of slots that changed; a frame sets uniforms and draws. Places are relative to an origin near the
/// view, so that 32 bits suffice at street level. The map is north-up and flat, which makes the projection a scale and an offset.

import type { CustomLayerInterface, Map as MapLibre } from "maplibre-gl";
import { mercatorX, mercatorY } from "../../wire/tiles";
import { CHUNK, STATUS_FREE, type VehicleStore } from "../fleet/vehicle_store";
import { FRAGMENT_SHADER, VERTEX_SHADER } from "./vehicle_shaders";

const FLOATS = 8;
const ORIGIN_MOVE_UNITS = 0.01;
const SIZE_LEAST_PX = 8;
const SAMPLE = 16;
const ALERT_BIT = 1 << 4;

export interface VehicleLook {
  /** Fleet's clock, seconds. */
  fleet_s: number;
  /** Moment to draw, seconds of performance.now(); stands still while disconnected. */
  draw_s: number;
  connected: boolean;
  statusMask: number;
  selectedSlot: number | undefined;
  hoveredSlot: number | undefined;
  dark: boolean;
  hidden: boolean;
}

export class VehicleLayer implements CustomLayerInterface {
  readonly id = "vehicles";
  readonly type = "custom" as const;
  readonly renderingMode = "2d" as const;
  drawn = 0;
  uploadedBytes = 0;
  /** Length of a marker in CSS pixels, as last drawn. */
  size_px = SIZE_LEAST_PX;

  private map: MapLibre | undefined;
  private program: WebGLProgram | undefined;
  private buffer: WebGLBuffer | undefined;
  private vao: WebGLVertexArrayObject | undefined;
  private uniforms = new Map<string, WebGLUniformLocation | null>();
  private packed = new Float32Array(0);
  private origin: [number, number] = [0.5, 0.5];
  private fleetBase_s = 0;

  constructor(
    private readonly store: VehicleStore,
    private readonly look: () => VehicleLook,
  ) {}

  onAdd(map: MapLibre, gl: WebGL2RenderingContext): void {
    this.map = map;
    this.program = linkProgram(gl);
    for (const name of UNIFORMS) this.uniforms.set(name, gl.getUniformLocation(this.program, name));
    this.buffer = gl.createBuffer();
    this.vao = gl.createVertexArray();
    this.packed = new Float32Array(0);
    this.store.markAllDirty();
  }

  onRemove(_map: MapLibre, gl: WebGL2RenderingContext): void {
    gl.deleteBuffer(this.buffer ?? null);
    gl.deleteVertexArray(this.vao ?? null);
    gl.deleteProgram(this.program ?? null);
  }

  render(gl: WebGL2RenderingContext): void {
    const map = this.map;
    const look = this.look();
    this.drawn = 0;
    if (
      map === undefined ||
      this.program === undefined ||
      this.vao === undefined ||
      look.hidden ||
      this.store.high === 0
    )
      return;
    const zoom = map.getZoom();
    const center = map.getCenter();
    const view: [number, number] = [mercatorX(center.lng), mercatorY(center.lat)];
    this.moveOrigin(view, look.fleet_s);
    gl.bindVertexArray(this.vao);
    this.upload(gl);
    gl.useProgram(this.program);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.STENCIL_TEST);
    gl.disable(gl.CULL_FACE);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.setUniforms(gl, map, look, view, zoom);
    pointAttributes(gl, 0);
    // Alerts last, so that they lie on top of the crowd.
    for (const mask of [look.statusMask & ~ALERT_BIT, look.statusMask & ALERT_BIT]) {
      if (mask === 0) continue;
      gl.uniform1i(this.uniforms.get("u_mask") ?? null, mask);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.store.high);
    }
    gl.uniform1i(this.uniforms.get("u_mask") ?? null, look.statusMask);
    this.drawHalo(gl, look.hoveredSlot, 1);
    this.drawHalo(gl, look.selectedSlot, 2);
    gl.bindVertexArray(null);
    this.drawn = this.store.count;
  }

  /** Draw one vehicle again, above the others, with its halo. */
  private drawHalo(gl: WebGL2RenderingContext, slot: number | undefined, halo: number): void {
    if (slot === undefined || this.store.status[slot] === STATUS_FREE) return;
    gl.uniform1f(this.uniforms.get("u_halo") ?? null, halo);
    pointAttributes(gl, slot * FLOATS * 4);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, 1);
  }

  private setUniforms(
    gl: WebGL2RenderingContext,
    map: MapLibre,
    look: VehicleLook,
    view: [number, number],
    zoom: number,
  ): void {
    const at = (name: string) => this.uniforms.get(name) ?? null;
    const ratio = map.getPixelRatio();
    const width = map.getCanvas().width / ratio;
    const height = map.getCanvas().height / ratio;
    const pixels = 512 * 2 ** zoom;
    this.size_px = this.sizeFor(zoom, view, width / pixels / 2, height / pixels / 2, pixels);
    gl.uniform2f(at("u_scale"), (2 * pixels) / width, (-2 * pixels) / height);
    gl.uniform2f(
      at("u_offset"),
      ((this.origin[0] - view[0]) * 2 * pixels) / width,
      ((this.origin[1] - view[1]) * -2 * pixels) / height,
    );
    gl.uniform2f(at("u_viewport"), width, height);
    gl.uniform1f(at("u_ratio"), ratio);
    gl.uniform1f(at("u_size"), this.size_px);
    gl.uniform1f(at("u_draw_s"), look.draw_s);
    gl.uniform1f(at("u_fleet_s"), look.fleet_s - this.fleetBase_s);
    gl.uniform1f(at("u_connected"), look.connected ? 1 : 0.45);
    gl.uniform1f(at("u_halo"), 0);
    gl.uniform1i(at("u_mask"), look.statusMask);
    gl.uniform1f(at("u_dark"), look.dark ? 1 : 0);
  }

  /** Smaller where the view is crowded, judged by every 16th vehicle: a crowd should show its streets, not cover them. */
  private sizeFor(zoom: number, view: [number, number], half_x: number, half_y: number, pixels: number): number {
    const { to_x, to_y, status, high } = this.store;
    let sampled = 0;
    for (let slot = 0; slot < high; slot += SAMPLE) {
      const inside = Math.abs(to_x[slot] - view[0]) < half_x && Math.abs(to_y[slot] - view[1]) < half_y;
      if (inside && status[slot] !== STATUS_FREE) sampled += 1;
    }
    const room_px = Math.sqrt((4 * half_x * half_y * pixels * pixels) / Math.max(1, sampled * SAMPLE));
    return markerSize(zoom, room_px);
  }

  private moveOrigin(view: [number, number], fleet_s: number): void {
    const far = Math.hypot(view[0] - this.origin[0], view[1] - this.origin[1]) > ORIGIN_MOVE_UNITS;
    const late = Math.abs(fleet_s - this.fleetBase_s) > 86_400;
    if (!far && !late) return;
    this.origin = view;
    this.fleetBase_s = Math.floor(fleet_s);
    this.store.markAllDirty();
  }

  private upload(gl: WebGL2RenderingContext): void {
    const store = this.store;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer ?? null);
    if (this.packed.length !== store.capacity * FLOATS) {
      this.packed = new Float32Array(store.capacity * FLOATS);
      gl.bufferData(gl.ARRAY_BUFFER, this.packed.byteLength, gl.DYNAMIC_DRAW);
      store.markAllDirty();
    }
    const chunks = Math.ceil(store.high / CHUNK);
    for (let first = 0; first < chunks; first++) {
      if (store.dirty[first] === 0) continue;
      let end = first;
      while (end < chunks && store.dirty[end] !== 0) store.dirty[end++] = 0;
      const slots = Math.min(end * CHUNK, store.capacity);
      for (let slot = first * CHUNK; slot < slots; slot++) this.pack(slot);
      const range = this.packed.subarray(first * CHUNK * FLOATS, slots * FLOATS);
      gl.bufferSubData(gl.ARRAY_BUFFER, first * CHUNK * FLOATS * 4, range);
      this.uploadedBytes += range.byteLength;
      first = end;
    }
  }

  private pack(slot: number): void {
    const { store, packed } = this;
    const at = slot * FLOATS;
    packed[at] = store.from_x[slot] - this.origin[0];
    packed[at + 1] = store.from_y[slot] - this.origin[1];
    packed[at + 2] = store.to_x[slot] - this.origin[0];
    packed[at + 3] = store.to_y[slot] - this.origin[1];
    packed[at + 4] = store.start_s[slot];
    packed[at + 5] = store.glide_s[slot];
    packed[at + 6] = store.fix_time_s[slot] - this.fleetBase_s;
    // 20 bits: exact in a 32-bit float.
    packed[at + 7] = store.course_from[slot] + store.course[slot] * 256 + store.status[slot] * 65_536;
  }
}

/** Length of a marker in CSS pixels: grows from city to street, shrinks when each has less than `room_px` to itself. */
export function markerSize(zoom: number, room_px: number): number {
  const byZoom = Math.min(22, Math.max(9, 9 + (zoom - 10.5) * 2.1));
  return Math.max(SIZE_LEAST_PX, Math.min(byZoom, room_px * 1.9));
}

const UNIFORMS = [
  "u_scale",
  "u_offset",
  "u_viewport",
  "u_ratio",
  "u_size",
  "u_draw_s",
  "u_fleet_s",
  "u_connected",
  "u_halo",
  "u_mask",
  "u_dark",
];

function pointAttributes(gl: WebGL2RenderingContext, offset: number): void {
  for (const location of [0, 1]) {
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, 4, gl.FLOAT, false, FLOATS * 4, offset + location * 16);
    gl.vertexAttribDivisor(location, 1);
  }
}

function linkProgram(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  const sources: [number, string][] = [
    [gl.VERTEX_SHADER, VERTEX_SHADER],
    [gl.FRAGMENT_SHADER, FRAGMENT_SHADER],
  ];
  for (const [kind, source] of sources) {
    const shader = gl.createShader(kind);
    if (shader === null) throw new Error("the WebGL context is lost");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost())
      throw new Error(gl.getShaderInfoLog(shader) ?? "a vehicle shader does not compile");
  }
  gl.linkProgram(program);
  return program;
}
