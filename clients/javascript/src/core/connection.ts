/** One call to one server, whatever carries it. */

import type { StreamingResponse } from "./messages.js";
import type { StreamingRequest } from "./requests.js";
import type { Server } from "./servers.js";

/** One reader and one writer. Failures come out of {@link read} only. */
export interface Connection<S extends Server = Server> {
  readonly server: S;

  /**
   * The next response; null when the server ended the call with OK.
   * Rejects with ServerError (what the server, or the connection, ended the call with), or with AmiraClientError for a
   * response that cannot be read.
   */
  read(): Promise<StreamingResponse | null>;

  /** Sends; waits while the server takes no more. False: the call is over; {@link read} says why. */
  write(request: StreamingRequest): Promise<boolean>;

  /** No more will be written; the answers are waited for. */
  doneWriting(): void;

  /** Ends the call at once; does nothing once it is over. */
  cancel(): void;
}

/** Answers on their way from a transport's callbacks to the one who reads. */
export class Answers {
  #waiting: StreamingResponse[] = [];
  #end: { error: Error | null } | undefined;
  #reader: { resolve: (response: StreamingResponse | null) => void; reject: (error: Error) => void } | undefined;

  get over(): boolean {
    return this.#end !== undefined;
  }

  /** Responses that nobody has read yet. */
  get length(): number {
    return this.#waiting.length;
  }

  push(response: StreamingResponse): void {
    if (this.#end) return;
    if (this.#reader) {
      this.#reader.resolve(response);
      this.#reader = undefined;
    } else this.#waiting.push(response);
  }

  /** The first one counts; null: all went well. */
  end(error: Error | null): void {
    if (this.#end) return;
    this.#end = { error };
    if (error) this.#reader?.reject(error);
    else this.#reader?.resolve(null);
    this.#reader = undefined;
  }

  /** See {@link Connection.read}. */
  next(): Promise<StreamingResponse | null> {
    const response = this.#waiting.shift();
    if (response) return Promise.resolve(response);
    if (this.#end) return this.#end.error ? Promise.reject(this.#end.error) : Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }
}
