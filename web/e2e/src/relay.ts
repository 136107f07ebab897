// Stands before a hub and passes everything on, until a test lets it be away, or lie.

import { createServer, request, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** An answer of the hub, before it goes on. */
export interface Passing { method: string; path: string; status: number; headers: IncomingHttpHeaders; body: Buffer }
/** Changes an answer, or leaves it. */
export type Lie = (passing: Passing) => Passing | undefined | Promise<Passing | undefined>;

/** An answer that went out: when it was asked for, and its bytes on the connection, head and body. */
export interface Sent { path: string; askedAt: number; bytes: number }

function give(answer: ServerResponse, { status, headers, body }: Passing, sent: (bytes: number) => void): void {
  const { "transfer-encoding": _chunked, ...rest } = headers;
  // One answer after the other on a connection.
  const before = answer.socket?.bytesWritten ?? 0;
  const { socket } = answer;
  answer.on("finish", () => sent((socket?.bytesWritten ?? 0) - before));
  answer.writeHead(status, { ...rest, "content-length": body.length });
  answer.end(body);
}

export class Relay {
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  lie: Lie | undefined;
  /** All answers since somebody emptied it. */
  sent: Sent[] = [];

  constructor(readonly port: number, readonly to: number) {}

  async up(): Promise<void> {
    const server = createServer((asked, answer) => {
      const askedAt = Date.now();
      const parts: Buffer[] = [];
      asked.on("data", (part: Buffer) => parts.push(part));
      asked.on("end", () => {
        // What it wants to change must not be packed.
        const headers = { ...asked.headers, ...(this.lie === undefined ? {} : { "accept-encoding": "identity" }) };
        const onward = request({ host: "127.0.0.1", port: this.to, method: asked.method, path: asked.url, headers }, (given) => {
          const got: Buffer[] = [];
          given.on("data", (part: Buffer) => got.push(part));
          given.on("end", () => {
            const passing = { method: asked.method ?? "", path: asked.url ?? "", status: given.statusCode ?? 502, headers: given.headers, body: Buffer.concat(got) };
            // A lie that cannot be told is no answer; the test sees that nothing came.
            Promise.resolve(this.lie?.(passing)).then((said) => give(answer, said ?? passing, (bytes) => this.sent.push({ path: passing.path, askedAt, bytes }))).catch(() => answer.destroy());
          });
        });
        onward.on("error", () => answer.destroy());
        onward.end(Buffer.concat(parts));
      });
    });
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((done, failed) => {
      server.once("error", failed);
      server.listen(this.port, "127.0.0.1", done);
    });
    this.#server = server;
  }

  /** Nobody answers any more. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((done) => server.close(done));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
