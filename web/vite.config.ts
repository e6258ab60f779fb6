/// The console's bundle goes into the Django app's static files, with a manifest that its template tag reads.
import { copyFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { defineConfig } from "vitest/config";

const target = resolve(import.meta.dirname, "../dispatch/console/static/console");

export default defineConfig({
  base: "./",
  publicDir: false,
  build: {
    outDir: target,
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    rollupOptions: { input: { console: resolve(import.meta.dirname, "src/console/main.ts") } },
  },
  worker: { format: "es" },
  plugins: [
    {
      // Files under fixed names, which the server-rendered pages link too: {% static "console/tokens.css" %} and its like.
      name: "fixed-names",
      writeBundle: () => {
        for (const file of ["styles/tokens.css", "pages/theme.js", "pages/icon.svg"])
          copyFileSync(resolve(import.meta.dirname, "src", file), resolve(target, basename(file)));
        const inter = "node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2";
        copyFileSync(resolve(import.meta.dirname, inter), resolve(target, "inter-latin.woff2"));
      },
    },
  ],
  test: { include: ["tests/**/*.test.ts"] },
});
