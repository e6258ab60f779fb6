/// Left rail: what is open, ways out, help and theme.

import { html, nothing, type TemplateResult } from "lit-html";
import type { Ctrl } from "../ctrl";
import type { State, Theme } from "../state";
import { type IconName, icon } from "./icons";

const NEXT_THEME: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const THEME_ICON: Record<Theme, IconName> = { system: "monitor", light: "sun", dark: "moon" };
const THEME_LABEL: Record<Theme, string> = {
  system: "Theme: as the system",
  light: "Theme: light",
  dark: "Theme: dark",
};

export function rail(state: State, ctrl: Ctrl): TemplateResult {
  const { links } = state.config;
  return html`
    <nav class="rail" aria-label="Console">
      <a class="brand" href=${links.start} aria-label="Vola, start page">
        <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path d="M12 3 20 20.5 12 16.6 4 20.5Z" /></svg>
      </a>
      <button type="button" class="rail-button" aria-pressed=${state.panelOpen} title="Vehicle list"
        aria-label="Vehicle list" @click=${() => ctrl.togglePanel()}>${icon("panel", 20)}</button>
      <button type="button" class="rail-button" title="Show the whole fleet (g f)" aria-label="Show the whole fleet"
        @click=${() => ctrl.fitFleet()}>${icon("scan", 20)}</button>
      <div class="spring"></div>
      ${links.admin ? html`<a class="rail-button" href=${links.admin} title="Administration (g a)" aria-label="Administration">${icon("settings", 20)}</a>` : nothing}
      <button type="button" class="rail-button" title=${THEME_LABEL[state.theme]} aria-label=${THEME_LABEL[state.theme]}
        @click=${() => ctrl.setTheme(NEXT_THEME[state.theme])}>${icon(THEME_ICON[state.theme], 20)}</button>
      <button type="button" class="rail-button" title="Keyboard (?)" aria-label="Keyboard shortcuts"
        @click=${() => showHelp(state, ctrl)}>${icon("help", 20)}</button>
      <span class="person" title=${`Signed in as ${state.config.user}`}>${initials(state.config.user)}</span>
    </nav>
  `;
}

function showHelp(state: State, ctrl: Ctrl): void {
  state.overlay = "help";
  ctrl.redraw();
}

function initials(name: string): string {
  const words = name.split(/[\s._-]+/).filter((word) => word !== "");
  const letters = words.length > 1 ? words[0][0] + words[1][0] : name.slice(0, 2);
  return letters.toUpperCase();
}
