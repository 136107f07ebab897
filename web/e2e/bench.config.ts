import { defineConfig } from "@playwright/test";
import tests from "./playwright.config.js";

// What is measured runs alone, and is no test: nothing here fails by its time.
export default defineConfig({
  ...tests,
  testDir: "bench",
  testMatch: "*.bench.ts",
  globalSetup: [],
  workers: 1,
  fullyParallel: false,
  timeout: 900_000,
  reporter: [["line"]],
});
