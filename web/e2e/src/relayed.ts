// A world of a test's own with a relay before its hub: the hub is away, or lies, when the test says so.

import { Relay } from "./relay.js";
import { World, freePort, type Office } from "./world.js";

export class Relayed {
  private constructor(readonly relay: Relay, readonly world: World) {}

  static async start(offices: readonly Office[] = []): Promise<Relayed> {
    const [port, listen] = [await freePort(), await freePort()];
    const relay = new Relay(port, listen);
    await relay.up();
    try {
      return new Relayed(relay, await World.start(offices, { port, listen }));
    } catch (error) {
      await relay.down();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.world.stop();
    await this.relay.down();
  }
}
