// The worker that keeps the pages for the time without a connection: what the page has loaded is not
// loaded again for it. Counted before the hub.

import { Relayed } from "../src/relayed.js";
import { PHONE, Person, expect, test } from "../src/test.js";

test("the first load fetches each file of the bundle once", async ({ browser }) => {
  const before = await Relayed.start();
  const { relay, world } = before;
  const asked = new Map<string, number>();
  let bytes = 0;
  relay.lie = ({ path, body }) => {
    if (/^\/(v1|log)\//.test(path)) return undefined;
    asked.set(path, (asked.get(path) ?? 0) + 1);
    bytes += body.length;
    return undefined;
  };
  const she = await Person.at(browser, world.url, "ru", PHONE);
  await she.begin();
  await expect.poll(() => she.page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.active?.state)).toBe("activated");
  const whole = bytes;
  // `portal.json` is the hub's word of today: the page asks for it, and the worker too. Chromium asks for
  // the icon again when what stands behind the address's # changes.
  const again = ["/portal.json", "/service-worker.js", "/icon.svg"];
  const twice = [...asked].filter(([path, times]) => times > 1 && !again.includes(path));
  expect(twice, "files that were asked for again").toEqual([]);
  expect([...asked.keys()].filter((path) => path.endsWith(".wasm"))).toHaveLength(2);

  // It comes again, from what is kept: nothing of the bundle is asked for, whatever the connection.
  asked.clear();
  bytes = 0;
  await she.page.reload();
  await she.sees("portal-unlock-title");
  expect([...asked.keys()].filter((path) => path.startsWith("/assets/") || path.startsWith("/locales/"))).toEqual([]);
  expect(bytes).toBeLessThan(whole / 20);
  await she.close();
  await before.stop();
});
