import { defineConfig } from "@playwright/test";
import { join } from "node:path";
import { LAUNCH } from "./src/launch.js";
import { ROOT } from "./src/world.js";

export const OUT = join(ROOT, "target/e2e");

export default defineConfig({
  testDir: "tests",
  outputDir: join(OUT, "failures"),
  globalSetup: "./src/begin.ts",
  workers: 2,
  fullyParallel: true,
  forbidOnly: true,
  // A test that only sometimes works does not work.
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [["line"], ["json", { outputFile: join(OUT, "results.json") }]],
  use: {
    actionTimeout: 20_000,
    trace: "off",
    screenshot: "only-on-failure",
    serviceWorkers: "allow",
    launchOptions: LAUNCH,
  },
});
