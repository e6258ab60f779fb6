/// Top bar: fleet, counters that filter, connection, the operation's clock.

import { html, nothing, type TemplateResult } from "lit-html";
import { fleetNow, formatCount, formatDate, formatMinute, formatTime } from "../../wire/clock";
import type { Ctrl } from "../ctrl";
import type { State, StatusName } from "../state";
import { icon, STATUS_LABEL, statusShape } from "./icons";

const ALWAYS: readonly StatusName[] = ["moving", "idle", "offline"];
const WHEN_ANY: readonly StatusName[] = ["alert", "unlocated"];

export function topBar(state: State, ctrl: Ctrl): TemplateResult {
  const wide = [
    state.connection !== "live",
    (state.clock?.clock_speed ?? 1) !== 1,
    (state.summary?.total ?? 0) >= 10_000,
  ];
  const crowded = wide.filter(Boolean).length >= 2;
  return html`
    <header class="top-bar ${crowded ? "crowded" : ""}">
      ${fleetPicker(state, ctrl)} ${counters(state, ctrl)}
      <div class="spring"></div>
      ${connection(state)} ${clock(state)}
      <button class="quiet command" type="button" @click=${() => openPalette(state, ctrl)} aria-label="Commands">
        ${icon("command")}<span>K</span>
      </button>
    </header>
  `;
}

function openPalette(state: State, ctrl: Ctrl): void {
  state.overlay = "palette";
  state.palette = { query: "", row: 0 };
  ctrl.redraw();
}

function fleetPicker(state: State, ctrl: Ctrl): TemplateResult {
  const fleets = state.fleets.is === "ready" ? state.fleets.value : [];
  const open = fleets.find((fleet) => fleet.id === state.fleetId);
  const name = open?.name ?? (state.fleets.is === "loading" ? "Loading fleets" : "No fleet");
  const toggle = () => {
    state.overlay = state.overlay === "fleets" ? "none" : "fleets";
    ctrl.redraw();
  };
  return html`
    <div class="fleet-picker">
      <button class="fleet" type="button" aria-haspopup="menu" aria-expanded=${state.overlay === "fleets"}
        ?disabled=${fleets.length === 0} @click=${toggle}>
        ${icon("truck", 20)}<span class="name">${name}</span>${icon("chevron")}
      </button>
      ${
        state.overlay === "fleets"
          ? html`<div class="menu" role="menu" aria-label="Fleets">
            ${fleets.map(
              (fleet) => html`<button type="button" role="menuitemradio" aria-checked=${fleet.id === state.fleetId}
                @click=${() => ctrl.openFleet(fleet.id)}>
                <span>${fleet.name}</span><span class="count">${formatCount(fleet.total)}</span>
              </button>`,
            )}
          </div>`
          : nothing
      }
    </div>
  `;
}

function counters(state: State, ctrl: Ctrl): TemplateResult {
  const { summary } = state;
  if (!summary) {
    return html`<div class="counters" aria-hidden="true">${[1, 2, 3].map(() => html`<span class="skeleton counter"></span>`)}</div>`;
  }
  const shown = [...ALWAYS, ...WHEN_ANY.filter((status) => summary.counts[status] > 0 || state.filter === status)];
  return html`
    <div class="counters" role="group" aria-label="Filter by status">
      <button type="button" class="counter" aria-pressed=${state.filter === null} @click=${() => ctrl.filterBy(null)}>
        <span class="count">${formatCount(summary.total)}</span><span class="word">All</span>
      </button>
      ${shown.map(
        (status) => html`
          <button type="button" class="counter" aria-pressed=${state.filter === status} title=${STATUS_LABEL[status]}
            @click=${() => ctrl.filterBy(status)}>
            ${statusShape(status)}<span class="count">${formatCount(summary.counts[status])}</span>
            <span class="word">${STATUS_LABEL[status]}</span>
          </button>
        `,
      )}
    </div>
  `;
}

function connection(state: State): TemplateResult {
  const last = state.lastLive_ms === undefined ? "" : `, last seen ${formatMinute(state.lastLive_ms)}`;
  const said = {
    live: html`<span class="dot"></span>Live`,
    connecting: html`<span class="dot"></span>Connecting`,
    reconnecting: html`${icon("offline")}Reconnecting${last}`,
    refused: html`${icon("offline")}Disconnected${last}`,
  }[state.connection];
  return html`<div class="connection ${state.connection}" role="status">${said}</div>`;
}

function clock(state: State): TemplateResult | typeof nothing {
  if (!state.clock) return nothing;
  const now = fleetNow(state.clock, performance.now());
  const replay = state.clock.clock_speed !== 1;
  const otherDay = replay || formatDate(now) !== formatDate(Date.now());
  return html`
    <div class="clock" title="The fleet's clock: ages are judged by it">
      ${replay ? html`<span class="badge replay">Replay ${state.clock.clock_speed}×</span>` : nothing}
      ${otherDay ? html`<span class="date">${formatDate(now)}</span>` : nothing}
      <time datetime=${new Date(now).toISOString()}>${formatTime(now)}</time>
    </div>
  `;
}
