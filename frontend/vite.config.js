// Builds what the pages load by script; see tools/build_frontend.py.
import { defineConfig } from "vite";

export default defineConfig({
  base: "/static/built/",
  build: {
    outDir: "../src/anlan/entrypoints/web/static/built",
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    // The pages allow no data: addresses for scripts, and nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // One chunk holds the map library; that it is large is known.
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { input: ["src/map.js", "src/place.js"], preserveEntrySignatures: "strict" },
  },
});
