/// What a browser remembers for its dispatcher. Storage may be switched off: then nothing is remembered, and all works.

import type { Theme } from "./state";

const PREFIX = "vola.console.";

export function read(name: string): string | null {
  try {
    return window.localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function readNumber(name: string): number | undefined {
  const value = Number(read(name) ?? Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}

export function write(name: string, value: string): void {
  try {
    window.localStorage.setItem(PREFIX + name, value);
  } catch {
    return; // Storage is full or forbidden; the choice lasts as long as the page.
  }
}

export function readTheme(): Theme {
  const theme = read("theme");
  return theme === "light" || theme === "dark" ? theme : "system";
}

export function applyTheme(theme: Theme): void {
  if (theme === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.setAttribute("data-theme", theme);
}
