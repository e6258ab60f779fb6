/// Left panel: search and the list. Only the rows in sight are in the document; the rest is room.

import { html, nothing, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import { fleetNow, formatAge, formatCount, formatSpeed } from "../../wire/clock";
import type { Ctrl } from "../ctrl";
import { ROW_HEIGHT } from "../list_loader";
import { PANEL_WIDTH, type State, statusName, type VehicleItem } from "../state";
import { icon, STATUS_LABEL, statusShape } from "./icons";

const ROWS_BEYOND = 6;

export function listPanel(state: State, ctrl: Ctrl): TemplateResult {
  return html`
    <section class="panel" aria-label="Vehicles" ?hidden=${!state.panelOpen}>
      <div class="panel-head">
        <label class="search">
          ${icon("search")}
          <input id="search" type="search" placeholder="Search name, registration, driver" autocomplete="off"
            spellcheck="false" aria-label="Search vehicles" .value=${state.search}
            @input=${(event: InputEvent) => ctrl.search((event.target as HTMLInputElement).value)} />
          <kbd aria-hidden="true">/</kbd>
        </label>
        ${tally(state, ctrl)}
      </div>
      ${body(state, ctrl)}
      <div class="resizer" role="separator" tabindex="0" aria-orientation="vertical" aria-label="Width of the list"
        aria-valuemin=${PANEL_WIDTH.least} aria-valuemax=${PANEL_WIDTH.most} aria-valuenow=${state.panelWidth}
        @pointerdown=${(event: PointerEvent) => startResize(event, ctrl)}
        @keydown=${(event: KeyboardEvent) => resizeByKey(event, state, ctrl)}></div>
    </section>
  `;
}

function tally(state: State, ctrl: Ctrl): TemplateResult {
  const { list, filter, search } = state;
  const what = filter === null ? "" : ` ${STATUS_LABEL[filter].toLowerCase()}`;
  const counted = list.phase === "loading" ? "Loading" : `${formatCount(list.total)}${what}`;
  const narrowed = filter !== null || search.trim() !== "";
  return html`
    <div class="tally" role="status">
      <span>${counted}${list.phase === "loading" ? "" : list.total === 1 ? " vehicle" : " vehicles"}</span>
      ${narrowed ? html`<button type="button" class="link" @click=${() => clear(state, ctrl)}>Show all</button>` : nothing}
    </div>
  `;
}

function clear(state: State, ctrl: Ctrl): void {
  state.filter = null;
  ctrl.search("");
  ctrl.list.reload();
}

function body(state: State, ctrl: Ctrl): TemplateResult {
  const { list } = state;
  if (state.fleets.is === "failed")
    return failure("The fleets could not be loaded.", state.fleets.message, () => ctrl.loadFleets());
  if (list.phase === "failed" && list.items.length === 0)
    return failure("The list could not be loaded.", list.message, () => ctrl.list.reload());
  if (list.phase === "loading") return skeletons();
  if (list.items.length === 0) return emptyState(state, ctrl);
  return rows(state, ctrl);
}

function rows(state: State, ctrl: Ctrl): TemplateResult {
  const { list } = state;
  const first = Math.max(0, Math.floor(list.scrollTop / ROW_HEIGHT) - ROWS_BEYOND);
  const last = Math.min(list.items.length, Math.ceil((list.scrollTop + list.height) / ROW_HEIGHT) + ROWS_BEYOND);
  const shown = list.items.slice(first, last).map((item, index) => ({ item, row: first + index }));
  const now_ms = state.clock ? fleetNow(state.clock, performance.now()) : Date.now();
  const scrolled = (event: Event) => {
    const box = event.target as HTMLElement;
    ctrl.list.scrolled(box.scrollTop, box.clientHeight);
  };
  return html`
    <div class="rows" id="rows" role="listbox" tabindex="0" aria-label="Vehicles" @scroll=${scrolled}
      aria-activedescendant=${list.row >= 0 ? `row-${list.row}` : nothing} .scrollTop=${list.scrollTop}>
      <div role="presentation" class="room" .style=${`height:${list.items.length * ROW_HEIGHT}px`}>
        ${repeat(
          shown,
          ({ item }) => item.id,
          ({ item, row }) => vehicleRow(item, row, now_ms, state, ctrl),
        )}
      </div>
      ${list.cursor !== null ? html`<div role="presentation" class="more">Loading the next of ${formatCount(list.total)}</div>` : nothing}
    </div>
  `;
}

function vehicleRow(item: VehicleItem, row: number, now_ms: number, state: State, ctrl: Ctrl): TemplateResult {
  const live = ctrl.live(item);
  const status = live?.status ?? statusName(item.status);
  const fix_time_ms = live?.fix_time_ms ?? item.fix_time_ms;
  const speed_mps = live ? live.speed_mps : item.speed_mps;
  const age = fix_time_ms === null ? "" : formatAge((now_ms - fix_time_ms) / 1000);
  const people =
    [item.registration, item.driver].filter((part) => part).join(" · ") || item.vehicle || "No vehicle assigned";
  const open = () => {
    state.list.row = row;
    ctrl.select(item.id, true);
  };
  return html`
    <div class="row ${status} ${state.connection === "live" ? "" : "stale"}" id=${`row-${row}`} role="option" aria-selected=${state.selection?.id === item.id}
      aria-setsize=${state.list.total} aria-posinset=${row + 1} ?data-cursor=${state.list.row === row}
      .style=${`transform:translateY(${row * ROW_HEIGHT}px)`} @click=${open}>
      ${statusShape(status)}
      <div class="who"><span class="label">${item.label}</span><span class="people">${people}</span></div>
      <div class="what">
        <span>${status === "moving" && state.connection === "live" ? formatSpeed(speed_mps) : STATUS_LABEL[status]}</span>
        <span class="age" title=${fix_time_ms === null ? "" : new Date(fix_time_ms).toISOString()}>${age}</span>
      </div>
    </div>
  `;
}

function skeletons(): TemplateResult {
  return html`<div class="rows" aria-hidden="true">
    ${Array.from({ length: 10 }, () => html`<div class="skeleton-row"><span class="skeleton"></span><span class="skeleton short"></span></div>`)}
  </div>`;
}

function emptyState(state: State, ctrl: Ctrl): TemplateResult {
  if (state.search.trim() !== "" || state.filter !== null) {
    return html`<div class="empty">
      ${icon("search", 20)}
      <h2>Nothing matches</h2>
      <p>No vehicle matches ${state.search.trim() === "" ? "this filter" : html`“${state.search.trim()}”`} right now.</p>
      <button type="button" class="button" @click=${() => clear(state, ctrl)}>Show all vehicles</button>
    </div>`;
  }
  return html`<div class="empty">
    ${icon("truck", 20)}
    <h2>This fleet has no devices yet</h2>
    <p>Register a device, and it appears here and on the map with its first fix.</p>
    ${state.config.links.admin ? html`<a class="button" href=${state.config.links.admin}>Open administration</a>` : nothing}
  </div>`;
}

export function failure(title: string, message: string, retry: () => unknown): TemplateResult {
  return html`<div class="empty failed" role="alert">
    ${icon("alert", 20)}
    <h2>${title}</h2>
    <p>${message} Nothing was changed.</p>
    <button type="button" class="button" @click=${retry}>Try again</button>
  </div>`;
}

function startResize(event: PointerEvent, ctrl: Ctrl): void {
  const handle = event.currentTarget as HTMLElement;
  const left = handle.parentElement?.getBoundingClientRect().left ?? 0;
  handle.setPointerCapture(event.pointerId);
  const move = (moved: PointerEvent) => ctrl.resizePanel(moved.clientX - left);
  handle.addEventListener("pointermove", move);
  handle.addEventListener("pointerup", () => handle.removeEventListener("pointermove", move), { once: true });
}

function resizeByKey(event: KeyboardEvent, state: State, ctrl: Ctrl): void {
  const step = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  ctrl.resizePanel(state.panelWidth + step);
}
