/** A call over a WebSocket. */

import { Answers, type Connection } from "../core/connection.js";
import { AmiraClientError, ServerError, UnreachableError } from "../core/errors.js";
import type { StreamingResponse } from "../core/messages.js";
import type { StreamingRequest } from "../core/requests.js";
import { sleep } from "../core/time.js";
import { askCapabilities } from "./http.js";
import { decode, encode, PROTOCOL } from "./json-codec.js";
import type { WebServer } from "./servers.js";

const CONNECT_S = 10;
const ASK_S = 3;
/** How often a full connection is looked at; a browser does not say when it has room again. */
const LOOK_S = 0.05;
const TOO_LARGE = 1009;

/** Of the browser, or of a library that has the same interface. */
export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocket;

export interface SocketOptions {
  server: WebServer;
  /** API key or token; empty: none. */
  secret: Promise<string>;
  /** What may wait in the connection, which stands for seconds of audio. */
  mostBufferedBytes: number;
  WebSocket: WebSocketConstructor;
}

export class WebSocketConnection implements Connection<WebServer> {
  readonly server: WebServer;
  readonly #mostBufferedBytes: number;
  readonly #answers = new Answers();
  readonly #life = new AbortController();
  readonly #opened: Promise<WebSocket | null>;
  #socket: WebSocket | undefined;

  constructor(options: SocketOptions) {
    this.server = options.server;
    this.#mostBufferedBytes = options.mostBufferedBytes;
    this.#opened = this.#open(options);
  }

  read(): Promise<StreamingResponse | null> {
    return this.#answers.next();
  }

  async write(request: StreamingRequest): Promise<boolean> {
    const socket = this.#socket?.readyState === 1 ? this.#socket : await this.#opened;
    while (socket && socket.bufferedAmount > this.#mostBufferedBytes && !this.#life.signal.aborted) {
      await sleep(LOOK_S, this.#life.signal);
    }
    if (socket?.readyState !== 1 || this.#life.signal.aborted) return false;
    socket.send(encode(request) as string | Uint8Array<ArrayBuffer>);
    return true;
  }

  doneWriting(): void {
    // A WebSocket cannot be half-closed; END_OF_AUDIO has been said.
  }

  cancel(): void {
    this.#end(new ServerError("The call was cancelled.", { status: "CANCELLED" }));
  }

  /** The socket once it is open; null: it will not be, and {@link read} says why. */
  async #open({ secret, WebSocket: Socket }: SocketOptions): Promise<WebSocket | null> {
    let key = "";
    let socket: WebSocket;
    try {
      key = await secret;
      if (this.#life.signal.aborted) return null;
      socket = new Socket(this.server.streamUrl, key ? [PROTOCOL, `amira.key.${key}`] : [PROTOCOL]);
    } catch (error) {
      // A page over https may not open ws://, and a function that gives tokens may fail.
      this.#end(
        error instanceof AmiraClientError
          ? error
          : new AmiraClientError(`Cannot connect: ${String(error)}`, { cause: error }),
      );
      return null;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      this.#take(data);
    };
    return new Promise((resolve) => {
      let open = false;
      const limit = setTimeout(() => {
        socket.close();
      }, CONNECT_S * 1000);
      socket.onopen = () => {
        open = true;
        clearTimeout(limit);
        resolve(socket);
      };
      socket.onerror = () => undefined; // a close follows, and says as little
      socket.onclose = ({ code, reason }) => {
        clearTimeout(limit);
        resolve(null);
        if (open) this.#end(closed(this.server, code, reason));
        else void this.#explain(key);
      };
    });
  }

  #take(data: unknown): void {
    if (this.#answers.over) return;
    try {
      const decoded = decode(data);
      if ("response" in decoded) this.#answers.push(decoded.response);
      else this.#end(decoded.end);
    } catch (error) {
      this.#end(error as AmiraClientError);
    }
  }

  /** A browser does not tell why a WebSocket was refused; the server does, when it is asked in another way. */
  async #explain(key: string): Promise<void> {
    let why: Error;
    try {
      await askCapabilities(this.server, key, AbortSignal.any([this.#life.signal, AbortSignal.timeout(ASK_S * 1000)]));
      why = new UnreachableError(`${this.server.target} did not open a WebSocket.`);
    } catch (error) {
      why = error instanceof ServerError ? error : new UnreachableError(String(error));
    }
    this.#end(why);
  }

  #end(error: Error | null): void {
    this.#answers.end(error);
    this.#life.abort();
    this.#socket?.close();
  }
}

function closed({ target }: WebServer, code: number, reason: string): ServerError {
  const told = `${String(code)}${reason ? ` ${reason}` : ""}`;
  if (code === TOO_LARGE) {
    return new ServerError(`A message was larger than ${target} takes (${told}).`, { status: "OUT_OF_RANGE" });
  }
  return new UnreachableError(`The connection to ${target} was lost (${told}).`);
}
