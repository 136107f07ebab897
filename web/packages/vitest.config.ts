import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { fits } from "../build/fits.ts";

export default defineConfig({ plugins: [fits(fileURLToPath(new URL("../../catalogue", import.meta.url)))] });
