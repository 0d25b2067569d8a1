/**
 * Responses on their way to the user, who either listens or reads. Until the user does one of them they wait here; a
 * reader who is behind makes the stream wait, and with it the server.
 */

const MOST = 256;

interface Item<T> {
  value: T;
  tell: () => void;
}

export class Inbox<T> {
  #mode: "waiting" | "flowing" | "reading" = "waiting";
  #items: Item<T>[] = [];
  #room: (() => void) | undefined;
  #news: (() => void) | undefined;
  #end: { failure: unknown; tell: () => void; told: boolean } | undefined;

  /** The user listens. */
  flow(): void {
    if (this.#mode !== "waiting") return;
    this.#mode = "flowing";
    queueMicrotask(() => {
      this.#pour(); // after all listeners were put on
    });
  }

  /** Settles when there is room for more; `tell` is called when the user gets it. */
  async put(value: T, tell: () => void): Promise<void> {
    this.#items.push({ value, tell });
    if (this.#mode === "flowing") this.#pour();
    else this.#news?.();
    if (this.#items.length > MOST && !this.#end) {
      await new Promise<void>((resolve) => {
        this.#room = resolve;
      });
    }
  }

  /** Nothing follows; `tell` is called when the user has got all that came before. */
  end(failure: unknown, tell: () => void): void {
    if (this.#end) return;
    this.#end = { failure, tell, told: false };
    this.#room?.();
    if (this.#mode === "flowing") this.#pour();
    else this.#news?.();
  }

  /** Reads instead of listening; events are told as their responses are read. */
  async *read(): AsyncGenerator<T, void, undefined> {
    if (this.#mode === "waiting") this.#mode = "reading";
    try {
      for (;;) {
        const item = this.#items.shift();
        if (item) {
          this.#room?.();
          item.tell();
          yield item.value;
        } else if (this.#end) {
          this.#tellEnd();
          if (this.#end.failure !== undefined) throw this.#end.failure as Error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#news = resolve;
          });
        }
      }
    } finally {
      this.#mode = "flowing"; // a reader who leaves early does not hold the stream up
      this.#pour();
    }
  }

  #pour(): void {
    for (let item = this.#items.shift(); item; item = this.#items.shift()) item.tell();
    this.#room?.();
    this.#tellEnd();
  }

  #tellEnd(): void {
    if (!this.#end || this.#end.told) return;
    this.#end.told = true;
    this.#end.tell();
  }
}
