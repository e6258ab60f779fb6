/// Loads the list page by page. One request at a time counts: a newer search aborts an older one, so answers never cross.

import { type Api, ApiError } from "./api";
import { emptyList, type State } from "./state";

export const ROW_HEIGHT = 54;
const SEARCH_PAUSE_MS = 150;
const STALE_MS = 10_000;
const ROWS_AHEAD = 30;

export class ListLoader {
  private abort = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private loaded_ms = 0;

  constructor(
    private readonly state: State,
    private readonly api: Api,
    private readonly redraw: () => void,
  ) {}

  reload(): void {
    clearTimeout(this.timer);
    const { height } = this.state.list;
    this.state.list = { ...emptyList(), height };
    void this.load("loading");
  }

  reloadSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.reload(), SEARCH_PAUSE_MS);
  }

  /** Load the next page when the reader nears the end. */
  scrolled(scrollTop: number, height: number): void {
    const { list } = this.state;
    list.scrollTop = scrollTop;
    list.height = height;
    const lastRow = (scrollTop + height) / ROW_HEIGHT;
    if (list.phase === "ready" && list.cursor !== null && lastRow + ROWS_AHEAD > list.items.length)
      void this.load("more");
    this.redraw();
  }

  /** The list's height in the document; more rows are drawn when it grew. */
  measured(height: number): void {
    if (height === 0 || height === this.state.list.height) return;
    this.state.list.height = height;
    this.redraw();
  }

  /** Keep the first page current: a status filter empties and fills as vehicles stop and start. */
  refreshWhenStale(): void {
    const { list } = this.state;
    const firstPage = list.phase === "ready" && list.items.length <= 100 && list.scrollTop < 3 * ROW_HEIGHT;
    if (firstPage && performance.now() - this.loaded_ms > STALE_MS) void this.load("ready");
  }

  /** Scroll so far that the keyboard's row is in sight. */
  revealRow(): void {
    const { list } = this.state;
    const top = list.row * ROW_HEIGHT;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + ROW_HEIGHT > list.scrollTop + list.height) list.scrollTop = top + ROW_HEIGHT - list.height;
    this.scrolled(list.scrollTop, list.height);
  }

  private async load(phase: "loading" | "more" | "ready"): Promise<void> {
    const { state } = this;
    if (state.fleetId === undefined) return;
    this.abort.abort();
    this.abort = new AbortController();
    const { list } = state;
    list.phase = phase;
    this.loaded_ms = performance.now();
    const query = { search: state.search.trim(), status: state.filter, cursor: phase === "more" ? list.cursor : null };
    try {
      const page = await this.api.vehicles(state.fleetId, query, this.abort.signal);
      list.items = phase === "more" ? [...list.items, ...page.items] : [...page.items];
      list.total = page.total;
      list.cursor = page.next_cursor;
      list.phase = "ready";
    } catch (error) {
      if (error instanceof DOMException) return;
      list.phase = "failed";
      list.message = error instanceof ApiError ? error.message : String(error);
    }
    this.redraw();
  }
}
