/** Sends what is pending, then what the user sends, until the end or the call's end. */

import type { Connection } from "./connection.js";
import { isEnd, type ControlRequest, type StreamingRequest, type UserRequest } from "./requests.js";
import { sleep, within } from "./time.js";

/** How long a last word may take. */
export const FAREWELL_S = 0.5;

const ABANDON: ControlRequest = { kind: "control", control: { abandon: {} } };

export interface WriterOptions {
  connection: Connection;
  /** What must be sent before anything new. */
  pending: readonly StreamingRequest[];
  /** Waits for the user's next request; null as soon as the signal aborts. */
  take: (signal: AbortSignal) => Promise<UserRequest | null>;
  /** Told of each request that the connection took. */
  written: (request: StreamingRequest) => void;
  /** After END_OF_AUDIO. Without that ABANDON can still be said. */
  halfCloses: boolean;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #writing = false;
  /** False once a write was cut off or failed: nothing more can be sent. */
  usable = true;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Sends no more; lets a write that is under way finish for `patienceS`, then cuts the connection. */
  async stop(patienceS: number): Promise<void> {
    this.#stopping.abort();
    if (this.#writing && patienceS > 0) await Promise.race([this.#running, sleep(patienceS)]);
    if (this.#writing) {
      this.usable = false;
      this.#options.connection.cancel(); // which ends the write
    }
    await this.#running;
  }

  /** Has the server end the session at once. */
  async sayFarewell(): Promise<void> {
    await this.stop(FAREWELL_S);
    const { connection } = this.#options;
    if (!this.usable) return;
    await within(FAREWELL_S, connection.write(ABANDON), () => new Error("late")).catch(() => {
      connection.cancel();
    });
  }

  async #run(): Promise<void> {
    const { connection, pending, take, halfCloses } = this.#options;
    for (const request of pending) if (!(await this.#write(request))) return;
    let ended = isEnd(pending);
    while (!ended) {
      const request = await take(this.#stopping.signal);
      if (!request) return;
      ended = isEnd([request]);
      if (!(await this.#write(request))) return;
    }
    if (!halfCloses) return;
    this.usable = false;
    connection.doneWriting();
  }

  async #write(request: StreamingRequest): Promise<boolean> {
    if (this.#stopping.signal.aborted) return false;
    this.#writing = true;
    try {
      this.usable = await this.#options.connection.write(request);
    } catch {
      this.usable = false;
      this.#options.connection.cancel(); // whoever reads hears of it
    } finally {
      this.#writing = false;
    }
    if (this.usable) this.#options.written(request);
    return this.usable;
  }
}
