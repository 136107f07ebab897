// One world for all files: started before the first test, stopped after the last.

import { OFFICES, World } from "./world.js";

export default async function begin(): Promise<() => Promise<void>> {
  const world = await World.start(OFFICES);
  process.env["DENIZEN_WORLD"] = JSON.stringify(world.known);
  return () => world.stop();
}
