/// What floats: command palette, keyboard help, hover label, notices, and the states in which there is no map to show.

import { html, nothing, type TemplateResult } from "lit-html";
import { formatCount, formatMinute } from "../../wire/clock";
import { type Command, commandsFor } from "../commands";
import type { Ctrl } from "../ctrl";
import { SHORTCUTS } from "../keyboard";
import type { State } from "../state";
import { icon } from "./icons";

export function overlays(state: State, ctrl: Ctrl): TemplateResult {
  return html`
    ${state.overlay === "palette" ? palette(state, ctrl) : nothing} ${state.overlay === "help" ? help(state, ctrl) : nothing}
    ${state.notice ? html`<div class="notice" role="status">${state.notice}<button type="button" class="quiet" aria-label="Dismiss" @click=${() => ctrl.say("")}>${icon("close")}</button></div>` : nothing}
  `;
}

/** Within the map: the hover label, and a plain word when what is drawn is not live. */
export function mapOverlays(state: State, ctrl: Ctrl): TemplateResult {
  const { hovered } = state;
  return html`
    ${banner(state, ctrl)}
    ${
      hovered?.label
        ? html`<div class="hover-label" .style=${`transform:translate(${hovered.x + 14}px,${hovered.y + 14}px)`}>${hovered.label}</div>`
        : nothing
    }
  `;
}

function banner(state: State, ctrl: Ctrl): TemplateResult | typeof nothing {
  if (state.mapPhase === "failed")
    return said("The map could not be drawn.", state.mapMessage || "This browser offers no WebGL2.", "Reload", () =>
      window.location.reload(),
    );
  if (state.fleets.is === "ready" && state.fleets.value.length === 0)
    return said(
      "No fleet to show.",
      "Nobody has given you access to a fleet yet. Ask an administrator.",
      "Check again",
      () => ctrl.loadFleets(),
    );
  if (state.connection === "refused")
    return said("Disconnected.", `The server said: ${state.refusal}. What you see is not live.`, "Connect again", () =>
      ctrl.socket.open(),
    );
  if (state.connection === "reconnecting" && state.lastLive_ms !== undefined) {
    return html`<div class="banner" role="status">${icon("offline")}<span>Not live. Places are as of ${formatMinute(state.lastLive_ms)}; trying again.</span></div>`;
  }
  if (state.summary && state.summary.total > 0 && state.summary.bounds === null)
    return html`<div class="banner" role="status">${icon("clock")}<span>Waiting for the first fix: ${formatCount(state.summary.total)} vehicles have no position yet.</span></div>`;
  return nothing;
}

function said(title: string, text: string, action: string, act: () => unknown): TemplateResult {
  return html`<div class="banner" role="alert">
    ${icon("alert")}<span><strong>${title}</strong> ${text}</span>
    <button type="button" class="button" @click=${act}>${action}</button>
  </div>`;
}

function close(state: State, ctrl: Ctrl): void {
  state.overlay = "none";
  ctrl.redraw();
}

function palette(state: State, ctrl: Ctrl): TemplateResult {
  const commands = commandsFor(state, ctrl);
  const run = (command: Command | undefined) => {
    if (!command) return;
    close(state, ctrl);
    command.run();
  };
  const keydown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      state.palette.row = Math.max(0, Math.min(commands.length - 1, state.palette.row + step));
      ctrl.redraw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(commands[state.palette.row]);
    }
  };
  const typed = (event: InputEvent) => {
    state.palette = { query: (event.target as HTMLInputElement).value, row: 0 };
    ctrl.redraw();
  };
  return dialog(
    "Commands",
    "palette",
    () => close(state, ctrl),
    html`
    <label class="search">${icon("search")}
      <input id="palette-input" type="text" role="combobox" aria-expanded="true" aria-controls="palette-list"
        aria-activedescendant=${commands.length > 0 ? `command-${state.palette.row}` : nothing} aria-label="Command or vehicle"
        placeholder="Command or vehicle" autocomplete="off" spellcheck="false" .value=${state.palette.query}
        @input=${typed} @keydown=${keydown} />
    </label>
    ${
      commands.length === 0
        ? html`<p class="note">No command fits. Enter nothing to see all.</p>`
        : html`<div id="palette-list" class="commands" role="listbox" aria-label="Commands">
          ${commands.map(
            (command, row) => html`<div id=${`command-${row}`} class="command-row" role="option"
              aria-selected=${row === state.palette.row} @click=${() => run(command)}>
              ${icon(command.icon)}<span>${command.title}</span>${command.keys ? html`<kbd>${command.keys}</kbd>` : nothing}
            </div>`,
          )}
        </div>`
    }
  `,
  );
}

function help(state: State, ctrl: Ctrl): TemplateResult {
  return dialog(
    "Keyboard",
    "help",
    () => close(state, ctrl),
    html`
    <div class="detail-head">
      <h2 id="help-title">Keyboard</h2>
      <button id="help-close" type="button" class="quiet" aria-label="Close" @click=${() => close(state, ctrl)}>${icon("close")}</button>
    </div>
    <dl class="shortcuts">
      ${SHORTCUTS.map(([keys, what]) => html`<div><dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd>`)}</dt><dd>${what}</dd></div>`)}
    </dl>
  `,
  );
}

function dialog(label: string, kind: string, closed: () => void, inside: TemplateResult): TemplateResult {
  const backdrop = (event: MouseEvent) => {
    if (event.target === event.currentTarget) closed();
  };
  return html`<div class="backdrop" @click=${backdrop}>
    <div class="dialog ${kind}" role="dialog" aria-modal="true" aria-label=${label}>${inside}</div>
  </div>`;
}
