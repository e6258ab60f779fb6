/// Decoding of tile frames: base64 to columns. The format is docs/reference/tile-frames.md; what breaks it is a FrameError.

export const KIND_SNAPSHOT = 1;
export const KIND_DELTA = 2;
export const KIND_CELLS = 3;
export const STATUS_COUNT = 5;
export const SPEED_UNKNOWN = 255;
export const AGE_MAX_S = 65_535;
export const COURSE_UNKNOWN_BIT = 8;

const HEADER_BYTES = 40;
const ROW_BYTES = 4 + 2 + 2 + 1 + 1 + 1 + 2;
const CELL_BYTES = 1 + STATUS_COUNT * 4;

export interface TileAddress {
  readonly level: number;
  readonly x: number;
  readonly y: number;
}

/** Vehicles of a tile; all columns have the same length except `gone`. Places are 0..65,535 within the tile. */
export interface VehicleFrame extends TileAddress {
  readonly kind: typeof KIND_SNAPSHOT | typeof KIND_DELTA;
  readonly clock_s: number;
  readonly id: Uint32Array;
  readonly place_x: Uint16Array;
  readonly place_y: Uint16Array;
  readonly course: Uint8Array;
  readonly speed: Uint8Array;
  readonly status: Uint8Array;
  readonly age_s: Uint16Array;
  readonly gone: Uint32Array;
}

/** Aggregates of a tile: `counts[status][row]` vehicles in `cell[row]` of the 8 x 8 grid. */
export interface CellFrame extends TileAddress {
  readonly kind: typeof KIND_CELLS;
  readonly clock_s: number;
  readonly cell: Uint8Array;
  readonly counts: readonly Uint32Array[];
}

export type TileFrame = VehicleFrame | CellFrame;

export class FrameError extends Error {
  override name = "FrameError";
}

/** Decode a publication's data. Throws FrameError when it is not a frame of format 1. */
export async function decodeFrame(base64: string): Promise<TileFrame> {
  const bytes = bytesFromBase64(base64);
  if (bytes.length < HEADER_BYTES) throw new FrameError(`${bytes.length} bytes are no frame`);
  if (bytes[0] !== 1) throw new FrameError(`format ${bytes[0]} is not known`);
  const packed = bytes.subarray(HEADER_BYTES);
  const body = bytes[2] === 1 ? await inflateRaw(packed) : packed;
  return readFrame(new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES), body);
}

function readFrame(header: DataView, body: Uint8Array): TileFrame {
  const kind = header.getUint8(1);
  const rows = header.getUint32(12, true);
  const gone = header.getUint32(16, true);
  const expected = kind === KIND_CELLS ? rows * CELL_BYTES : rows * ROW_BYTES + gone * 4;
  if (body.length !== expected) throw new FrameError(`body has ${body.length} bytes, not ${expected}`);
  const address = { level: header.getUint8(3), x: header.getUint32(4, true), y: header.getUint32(8, true) };
  const clock_s = header.getFloat64(24, true);
  if (kind === KIND_CELLS) return { kind, ...address, clock_s, ...readCells(body, rows) };
  if (kind === KIND_SNAPSHOT || kind === KIND_DELTA)
    return { kind, ...address, clock_s, ...readRows(body, rows, gone) };
  throw new FrameError(`kind ${kind} is not known`);
}

function readRows(body: Uint8Array, rows: number, gone: number) {
  let at = 0;
  const take = (bytes: number): Uint8Array => {
    at += bytes;
    return body.subarray(at - bytes, at);
  };
  return {
    id: undoDifferences(joinPlanes32(take(rows * 4), rows)),
    place_x: joinPlanes16(take(rows * 2), rows),
    place_y: joinPlanes16(take(rows * 2), rows),
    course: take(rows),
    speed: take(rows),
    status: take(rows),
    age_s: joinPlanes16(take(rows * 2), rows),
    gone: undoDifferences(joinPlanes32(take(gone * 4), gone)),
  };
}

function readCells(body: Uint8Array, rows: number) {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const counts = Array.from({ length: STATUS_COUNT }, (_, status) => {
    const column = new Uint32Array(rows);
    for (let row = 0; row < rows; row++) column[row] = view.getUint32(rows + (status * rows + row) * 4, true);
    return column;
  });
  return { cell: body.subarray(0, rows), counts };
}

function joinPlanes16(planes: Uint8Array, rows: number): Uint16Array {
  const column = new Uint16Array(rows);
  for (let row = 0; row < rows; row++) column[row] = planes[row] | (planes[rows + row] << 8);
  return column;
}

function joinPlanes32(planes: Uint8Array, rows: number): Uint32Array {
  const column = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    const low = planes[row] | (planes[rows + row] << 8) | (planes[2 * rows + row] << 16);
    column[row] = (low | (planes[3 * rows + row] << 24)) >>> 0;
  }
  return column;
}

function undoDifferences(column: Uint32Array): Uint32Array {
  for (let row = 1; row < column.length; row++) column[row] += column[row - 1];
  return column;
}

function bytesFromBase64(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

async function inflateRaw(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
