// The person's profile, as a page uses it: every call goes to the worker.

import workerUrl from "./worker.ts?worker&url";
import type { Answer, Api, Method, Problem } from "./protocol.js";
import { scriptUrl } from "./trusted.js";

export type * from "./protocol.js";
export { makePasskey, askPasskey, passkeysWork } from "./passkey.js";
export { Scanner } from "./scanner.js";
export { scriptUrl } from "./trusted.js";

/** What a call that did not go throws. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.code);
  }
}

interface Waiting { resolve(value: unknown): void; reject(error: Error): void }

/** A worker with at most one unlocked profile. */
export class Client {
  #worker: Worker;
  #next = 0;
  #waiting = new Map<number, Waiting>();

  constructor() {
    this.#worker = this.#open();
  }

  #open(): Worker {
    const worker = new Worker(scriptUrl(workerUrl), { type: "module", name: "denizen" });
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ("problem" in data) waiting?.reject(new Refused(data.problem));
      else if ("json" in data) waiting?.resolve(JSON.parse(data.json));
      else waiting?.resolve(data.value);
    };
    worker.onerror = () => this.#end("internal");
    return worker;
  }

  #end(code: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Refused({ code, what: "", next: "", details: [] }));
    this.#waiting.clear();
  }

  /** Calls a method; waits its turn behind those before it. */
  call<M extends Method>(method: M, ...args: Parameters<Api[M]>): Promise<ReturnType<Api[M]>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage({ id, method, args });
    });
  }

  /** Locks: the worker ends, and its memory with it. */
  lock(): void {
    this.#worker.terminate();
    this.#end("locked");
    this.#worker = this.#open();
  }
}
