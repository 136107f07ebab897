// Finds a QR code in a picture. It knows nothing else: no profile, no connection, and nothing is kept.

import { decodeQR } from "qr/decode.js";

/** A picture to look at: RGBA, row by row. */
export interface Picture { width: number; height: number; data: Uint8ClampedArray }

self.onmessage = ({ data }: MessageEvent<Picture>) => {
  let text: string | null;
  try {
    text = decodeQR(data);
  } catch {
    // No code, or none that is whole: the next picture may have one.
    text = null;
  }
  self.postMessage(text);
};
