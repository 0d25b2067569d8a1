/** What the user has sent and no connection has taken yet, bounded in bytes, which stand for seconds of audio. */

import { sizeOf, type UserRequest } from "./requests.js";

interface Item {
  request: UserRequest;
  /** Settles the sender's promise; undefined where it has been. */
  accept: (() => void) | undefined;
  refuse: (error: Error) => void;
}

interface Taker {
  resolve: (request: UserRequest | null) => void;
}

/** In the order of the calls. A sender that does not wait for its promise is not slowed down: see {@link bytes}. */
export class OutboundQueue {
  readonly #mostBytes: number;
  #items: Item[] = [];
  #accepted = 0;
  #bytes = 0;
  #acceptedBytes = 0;
  #taker: Taker | undefined;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** All that waits, accepted or not. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Settles once there is room; rejects when the queue is closed meanwhile. */
  put(request: UserRequest): Promise<void> {
    const accepted = new Promise<void>((resolve, reject) => {
      this.#items.push({ request, accept: resolve, refuse: reject });
    });
    this.#bytes += sizeOf(request);
    this.#hand();
    this.#acceptMore();
    return accepted;
  }

  /** The next request, or null as soon as `signal` aborts; `taken` sees it before anything else can happen. */
  take(signal: AbortSignal): Promise<UserRequest | null> {
    if (signal.aborted) return Promise.resolve(null);
    return new Promise((resolve) => {
      const stop = (): void => {
        this.#taker = undefined;
        resolve(null);
      };
      signal.addEventListener("abort", stop, { once: true });
      this.#taker = {
        resolve: (request) => {
          signal.removeEventListener("abort", stop);
          resolve(request);
        },
      };
      this.#hand();
    });
  }

  /** Nothing will be taken any more: whoever waits for room gets `error`. */
  close(error: Error): void {
    for (const item of this.#items) item.refuse(error);
    this.#items = [];
    this.#bytes = this.#acceptedBytes = this.#accepted = 0;
  }

  #hand(): void {
    const [item] = this.#items;
    const taker = this.#taker;
    if (!item || !taker) return;
    this.#taker = undefined;
    this.#items.shift();
    const size = sizeOf(item.request);
    this.#bytes -= size;
    if (this.#accepted > 0) {
      this.#accepted -= 1;
      this.#acceptedBytes -= size;
    }
    item.accept?.();
    this.#acceptMore();
    taker.resolve(item.request);
  }

  #acceptMore(): void {
    for (;;) {
      const item = this.#items[this.#accepted];
      if (!item || (this.#accepted > 0 && this.#acceptedBytes + sizeOf(item.request) > this.#mostBytes)) return;
      this.#accepted += 1;
      this.#acceptedBytes += sizeOf(item.request);
      item.accept?.();
      item.accept = undefined;
    }
  }
}
