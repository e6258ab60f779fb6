// Applies the theme the reader picked before the page is drawn. A plain script: it must run before the first paint.
try {
  const theme = window.localStorage.getItem("vola.console.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: the system's preference counts.
}
