// A camera that sees a QR code: what a command printed, as Chromium's file of raw pictures.

import { writeFile } from "node:fs/promises";

const [WIDTH, HEIGHT, PICTURES] = [1280, 720, 6];
/** How far the paper is turned, in radians: nobody holds it straight. */
const TURN = 0.06;

/** The dark modules of a code that a command printed: two rows in a line of half blocks, light on dark. */
export function modulesOf(printed: string): boolean[][] {
  const lines = printed.split("\n").filter((line) => /^[▀▄█ ]+$/.test(line) && line.includes("█"));
  return lines.flatMap((line) => {
    const marks = [...line];
    return [marks.map((m) => m === " " || m === "▄"), marks.map((m) => m === " " || m === "▀")];
  });
}

/** Writes some pictures of nothing, then of the code on a white paper, over and over. */
export async function film(file: string, modules: boolean[][]): Promise<void> {
  const [rows, columns] = [modules.length, Math.max(...modules.map((row) => row.length))];
  const scale = (HEIGHT * 0.88) / Math.max(rows, columns);
  const dark = (x: number, y: number) => {
    const [dx, dy] = [x - WIDTH / 2, y - HEIGHT / 2];
    const [u, v] = [dx * Math.cos(TURN) + dy * Math.sin(TURN), dy * Math.cos(TURN) - dx * Math.sin(TURN)];
    return modules[Math.floor(v / scale + rows / 2)]?.[Math.floor(u / scale + columns / 2)] === true;
  };
  const colour = Buffer.alloc((WIDTH * HEIGHT) / 2, 128);
  const head = Buffer.from("FRAME\n");
  const nothing = Buffer.alloc(WIDTH * HEIGHT, 110);
  const paper = Buffer.alloc(WIDTH * HEIGHT);
  for (let at = 0; at < paper.length; at += 1) paper.writeUInt8(dark(at % WIDTH, Math.floor(at / WIDTH)) ? 40 : 225, at);
  const pictures = Array.from({ length: PICTURES }, (_, n) => [head, n === 0 ? nothing : paper, colour]);
  await writeFile(file, Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F5:1 Ip A1:1 C420jpeg\n`), ...pictures.flat()]));
}
