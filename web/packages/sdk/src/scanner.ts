// A worker that reads QR codes. It is fetched only when somebody wants to scan.

import scanUrl from "./scan.ts?worker&url";
import type { Picture } from "./scan.js";
import { scriptUrl } from "./trusted.js";

/** Longest side of a picture that is looked at, in pixels: of the densest code (177 modules) some for each. */
const SIDE_MAX = 1920;

/** Draws what is seen, scaled down to at most `side` pixels. */
function pictureOf(source: CanvasImageSource, width: number, height: number, side: number): Picture | undefined {
  const scale = Math.min(1, side / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null || canvas.width === 0 || canvas.height === 0) return undefined;
  // What is transparent is paper.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** Reads codes, one picture after the other. End it with `close`. */
export class Scanner {
  readonly #worker = new Worker(scriptUrl(scanUrl), { type: "module", name: "denizen-scan" });
  #waiting: ((text: string | undefined) => void) | undefined;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<string | null>) => this.#answer(data ?? undefined);
    this.#worker.onerror = () => this.#answer(undefined);
  }

  #answer(text: string | undefined): void {
    this.#waiting?.(text);
    this.#waiting = undefined;
  }

  #look(picture: Picture | undefined): Promise<string | undefined> {
    if (picture === undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting = resolve;
      const { width, height, data } = picture;
      this.#worker.postMessage({ width, height, data }, [data.buffer]);
    });
  }

  /** What the camera shows now. */
  async frame(video: HTMLVideoElement): Promise<string | undefined> {
    return this.#look(pictureOf(video, video.videoWidth, video.videoHeight, SIDE_MAX));
  }

  /** A picture from a file: as it is, then smaller, where a coarse code in a large photo is found better. */
  async file(file: Blob): Promise<string | undefined> {
    const image = await createImageBitmap(file).catch(() => undefined);
    if (image === undefined) return undefined;
    try {
      for (const side of [SIDE_MAX, SIDE_MAX / 2]) {
        const text = await this.#look(pictureOf(image, image.width, image.height, side));
        if (text !== undefined) return text;
      }
      return undefined;
    } finally {
      image.close();
    }
  }

  /** Ends the worker; what was asked last gets no answer. */
  close(): void {
    this.#worker.terminate();
    this.#answer(undefined);
  }
}
