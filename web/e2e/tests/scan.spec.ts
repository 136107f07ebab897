// A square code instead of typing: what is read goes the way of what is pasted, and no picture leaves.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "@playwright/test";
import encodeQR from "qr";
import { film, modulesOf } from "../src/camera.js";
import { LAUNCH } from "../src/launch.js";
import { DESK, PHONE, Person, expect, test } from "../src/test.js";

/** Keeps the tracks that the page was given, so that the test can ask whether they still run. */
async function watchCamera(she: Person): Promise<() => Promise<string[]>> {
  await she.context.addInitScript(() => {
    const given: MediaStreamTrack[] = [];
    Object.assign(window, { given });
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (asked) => {
      const stream = await ask(asked);
      given.push(...stream.getTracks());
      return stream;
    };
  });
  return () => she.page.evaluate(() => (window as unknown as { given: MediaStreamTrack[] }).given.map((track) => track.readyState));
}

async function toInvitation(she: Person): Promise<void> {
  await she.go("links");
  await she.press("portal-link-new");
  await she.press("portal-scan");
}

test("a camera reads the invitation that an office printed, and is off at once", async ({ offices, playwright }) => {
  const folder = await mkdtemp(join(tmpdir(), "denizen-camera-"));
  let browser: Browser | undefined;
  try {
    const reference = `E-camera-${process.pid}`;
    const { printed } = await offices.invitePrinted("border", reference);
    const file = join(folder, "camera.y4m");
    await film(file, modulesOf(printed));
    const fake = ["--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${file}`];
    browser = await playwright.chromium.launch({ ...LAUNCH, args: [...LAUNCH.args, ...fake] });
    const she = await Person.at(browser, offices.url, "ru", PHONE);
    const camera = await watchCamera(she);
    await she.context.grantPermissions(["camera"], { origin: offices.url });
    // What she begins with is kept at her own address: it has left before it is asked what leaves.
    const kept = she.page.waitForResponse((answer) => new URL(answer.url()).pathname === "/v1/deposits" && answer.ok());
    await she.begin();
    await kept;
    await toInvitation(she);
    // Before the browser asks, the page says what the camera is for.
    await expect(she.says(she.t("portal-scan-what"))).toBeVisible();
    expect(await camera()).toEqual([]);

    const sent: string[] = [];
    she.page.on("request", (request) => sent.push(`${request.method()} ${new URL(request.url()).pathname} ${request.postDataBuffer()?.length ?? 0}`));
    await she.press("portal-scan-camera");
    await expect(she.page.getByRole("heading", { name: she.org("border"), exact: true })).toBeVisible({ timeout: 60_000 });
    expect(await camera()).toEqual(["ended"]);
    await expect(she.page.locator("video")).toHaveCount(0);
    expect(sent.filter((line) => !/^GET \S+ 0$/.test(line)), "no picture leaves the page").toEqual([]);

    // It stands where it would have been pasted; and it is taken as that.
    await she.press("portal-back");
    await expect(she.field("portal-invitation")).toHaveValue(/^DENIZEN:INVITE:[0-9A-Z $%*+./:-]+$/);
    await she.press("portal-invitation-read");
    await she.press("portal-link-accept");
    await she.fetchUntil(she.page.getByText(/^\d{6}$/));
    await she.close();
  } finally {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  }
});

test("a camera is off when she leaves, turns it off, or it sees no code; one that is not allowed is said", async ({ offices, playwright }) => {
  const browser = await playwright.chromium.launch({ ...LAUNCH, args: [...LAUNCH.args, "--use-fake-device-for-media-stream"] });
  try {
    const she = await Person.at(browser, offices.url, "en", PHONE);
    const camera = await watchCamera(she);
    await she.begin();
    await toInvitation(she);
    await she.press("portal-scan-camera");
    await expect(she.page.getByRole("alert")).toContainText(she.t("portal-scan-denied"));
    await expect(she.field("portal-invitation")).toBeVisible();

    await she.context.grantPermissions(["camera"], { origin: offices.url });
    await she.press("portal-scan-camera");
    await expect(she.says(she.t("portal-scan-hold"))).toBeVisible();
    await expect.poll(camera).toEqual(["live"]);
    await she.press("portal-scan-stop");
    await expect.poll(camera).toEqual(["ended"]);

    await she.press("portal-scan-camera");
    await expect.poll(camera).toEqual(["ended", "live"]);
    await she.go("records");
    await expect.poll(camera).toEqual(["ended", "ended"]);
    await she.close();
  } finally {
    await browser.close();
  }
});

test("a code of the invitation's link, on paper that is older than the small codes, is still read", async ({ offices, arrives }) => {
  const text = await offices.invite("border", `E-older-${process.pid}`);
  const she = await arrives("tg", PHONE);
  await she.begin();
  await toInvitation(she);
  const older = Buffer.from(encodeQR(text, "gif", { ecc: "low", encoding: "byte", scale: 5, border: 4 }));
  await she.field("portal-scan-picture").setInputFiles({ name: "older.gif", mimeType: "image/gif", buffer: older });
  await expect(she.page.getByRole("heading", { name: she.org("border"), exact: true })).toBeVisible({ timeout: 60_000 });
  await she.press("portal-back");
  await expect(she.field("portal-invitation")).toHaveValue(text);
});

test("without a camera a picture does: the link for a second device, photographed from the first", async ({ arrives }) => {
  const phone = await arrives("en", PHONE);
  await phone.begin();
  await phone.go("ways");
  const second = phone.page.getByRole("region", { name: phone.t("portal-second") });
  await second.getByLabel(phone.t("portal-device-pass"), { exact: true }).fill("seven green boats in the rain");
  await phone.press("portal-device-offer");
  const link = await second.getByText(/^http.*#/).innerText();
  const photograph = await second.getByRole("img").screenshot();
  const other = await phone.page.getByRole("banner").screenshot();

  const desk = await arrives("ru", DESK, phone.me);
  await desk.arrive();
  await desk.press("portal-in");
  await desk.press("portal-restore");
  await desk.page.getByRole("link", { name: desk.t("portal-device-have"), exact: true }).click();
  await desk.sees("portal-device-title");
  await desk.press("portal-scan");
  await desk.press("portal-scan-camera");
  await expect(desk.page.getByRole("alert")).toContainText(desk.t("portal-scan-none"));
  await desk.field("portal-scan-picture").setInputFiles({ name: "other.png", mimeType: "image/png", buffer: other });
  await expect(desk.page.getByRole("alert")).toContainText(desk.t("portal-scan-unread"));
  await desk.field("portal-scan-picture").setInputFiles({ name: "code.png", mimeType: "image/png", buffer: photograph });
  await expect(desk.field("portal-device-link")).toHaveValue(link);
  await desk.field("portal-pass").fill("seven green boats in the rain");
  await desk.press("portal-device-take");
  await expect(desk.button("portal-lock")).toBeVisible({ timeout: 60_000 });
});
