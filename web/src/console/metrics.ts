/// The page's measurement port: `window.__vola`, read-only numbers for browser tests and the bench. Nothing in the page reads it.
///
/// Script time of a frame is all JavaScript that runs in animation frame callbacks of one frame, MapLibre's included.

const FRAMES_KEPT = 600;

export interface MeasurementPort {
  readonly vehiclesDrawn: number;
  readonly vehiclesInCells: number;
  readonly layer: string;
  readonly frames: number;
  readonly scriptMsP50: number;
  readonly scriptMsP99: number;
  readonly bytesReceived: number;
  /** From navigation until the first vehicles or counts were decoded and ready to be drawn; null until then. */
  readonly firstDataMs: number | null;
  /** From navigation to the first frame that drew a vehicle or a cell; null until then. */
  readonly firstMapMs: number | null;
  readonly connection: string;
  readonly fleetId: number | null;
  readonly selectedId: number | null;
  readonly followedId: number | null;
  readonly center: readonly [lon: number, lat: number];
  readonly zoom: number;
  readonly tilesWatched: readonly string[];
  readonly framesDecoded: number;
  /** Milliseconds the last pick under the pointer took. */
  readonly pickMs: number;
  /** Where a vehicle is drawn, CSS pixels within the map; null when it is not. */
  screenPlace(id: number): readonly [number, number] | null;
}

export class FrameMeter {
  frames = 0;
  private readonly kept = new Float32Array(FRAMES_KEPT);
  private current = -1;
  private spent_ms = 0;

  /** Time every animation frame callback of the page from now on. */
  install(): void {
    const request = window.requestAnimationFrame.bind(window);
    window.requestAnimationFrame = (callback) =>
      request((frame) => {
        const started = performance.now();
        try {
          callback(frame);
        } finally {
          this.add(frame, performance.now() - started);
        }
      });
  }

  /** Forget what was measured, so that a bench measures a steady state. */
  reset(): void {
    this.frames = 0;
    this.spent_ms = 0;
  }

  quantile(share: number): number {
    const kept = this.kept.slice(0, Math.min(this.frames, FRAMES_KEPT)).sort();
    return kept.length === 0 ? 0 : kept[Math.min(kept.length - 1, Math.floor(share * kept.length))];
  }

  private add(frame: number, spent_ms: number): void {
    if (frame !== this.current && this.current >= 0) {
      this.kept[this.frames % FRAMES_KEPT] = this.spent_ms;
      this.frames += 1;
      this.spent_ms = 0;
    }
    this.current = frame;
    this.spent_ms += spent_ms;
  }
}

/** Publish the port. Its properties are getters: reading it costs nothing to the page while nobody does. */
export function publishPort(port: MeasurementPort & { reset(): void }): void {
  Object.defineProperty(window, "__vola", { value: Object.freeze(port), writable: false, configurable: false });
}
