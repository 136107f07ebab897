import { svelte } from "@sveltejs/vite-plugin-svelte";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { fits } from "../../build/fits.ts";
import { integrity, integrityOf } from "../../build/integrity.ts";
import { notStarted } from "../../build/not-started.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const out = here("../../dist/portal");

export default defineConfig({
  root: here("."),
  publicDir: here("../../generated/public"),
  define: {
    __DOOR_INTEGRITY__: JSON.stringify(integrityOf(here("../../packages/sdk/wasm/door_bg.wasm"))),
    __WASM_INTEGRITY__: JSON.stringify(integrityOf(here("../../packages/sdk/wasm/denizen_bg.wasm"))),
    __CATALOGUE_INTEGRITY__: JSON.stringify(integrityOf(here("../../generated/public/catalogue.json"))),
  },
  plugins: [svelte(), notStarted(here("../../generated/public/locales")), integrity(out)],
  build: {
    outDir: out,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    rollupOptions: { output: { entryFileNames: "assets/portal-[hash].js", assetFileNames: "assets/[name]-[hash][extname]" } },
  },
  worker: {
    format: "es",
    plugins: () => [fits(here("../../../catalogue"))],
    rollupOptions: { output: { entryFileNames: "assets/[name]-[hash].js", assetFileNames: "assets/[name]-[hash][extname]" } },
  },
});
