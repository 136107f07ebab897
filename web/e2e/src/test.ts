// Tests with a world that is there, and people whose browsers must stay without a fault.

import { test as base } from "@playwright/test";
import { Person, type Device } from "./person.js";
import type { Language } from "./texts.js";
import { Offices, type Known, type Subject } from "./world.js";

export { expect } from "@playwright/test";
export * from "./person.js";
export { day, nameOf, until } from "./world.js";

interface Given {
  offices: Offices;
  /** A new browser in which nobody has been. */
  arrives(language?: Language, device?: Device, me?: Subject): Promise<Person>;
}

export const test = base.extend<Given>({
  offices: async ({}, use) => {
    await use(new Offices(JSON.parse(process.env["DENIZEN_WORLD"] ?? "") as Known));
  },
  arrives: async ({ browser, offices }, use) => {
    const people: Person[] = [];
    await use(async (language, device, me) => {
      const person = await Person.at(browser, offices.url, language, device, me);
      people.push(person);
      return person;
    });
    for (const person of people) await person.close();
  },
});
