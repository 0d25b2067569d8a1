/** Talks to an Amira server from a web page, or to several that can stand in for each other. */

import { bytesPerS } from "../core/encodings.js";
import { AmiraClientError, ServerError } from "../core/errors.js";
import type { Capabilities, RecognitionConfig } from "../core/messages.js";
import { isLoss, resumingOf, type Resuming } from "../core/resuming.js";
import { Servers } from "../core/servers.js";
import { openStream, type RecognitionStream } from "../core/stream.js";
import { transcribe, type TranscribeOptions } from "../core/transcribe.js";
import type { Transcript } from "../core/transcript.js";
import { readCapabilities } from "../core/wire.js";
import { askCapabilities } from "./http.js";
import { openAudio, type Source } from "./recording.js";
import { checkSecretStaysSecret, secretSource, webServer, type Secret, type WebServer } from "./servers.js";
import { WebSocketConnection, type WebSocketConstructor } from "./web-socket-connection.js";

const CAPABILITIES_S = 10;
/** What may wait in a connection: more stays where another connection can have it. */
const BUFFERED_S = 2;
const BUFFERED_BYTES = 256 * 1024;

export interface ClientOptions {
  /** Shown to the server. Whoever can read the page can read it: give pages tokens of their own, or short-lived ones. */
  apiKey?: string;
  /** A JWT in place of an API key, or a function that gives a fresh one for each connection. */
  token?: Secret;
  /** Allows `apiKey` and `token` to leave this machine without TLS. */
  plaintextSecret?: boolean;
  /** Whether a stream that loses its server goes on by itself, there or at another one. Default true. */
  resume?: boolean | Partial<Resuming>;
  /** In place of the browser's own. */
  WebSocket?: WebSocketConstructor;
}

export interface StreamSettings {
  /** Gives the stream up when it aborts. */
  signal?: AbortSignal;
}

export class AmiraClient {
  readonly #servers: Servers<WebServer>;
  readonly #secret: () => Promise<string>;
  readonly #resuming: Resuming | null;
  readonly #WebSocket: WebSocketConstructor;
  readonly #streams = new Set<RecognitionStream>();
  #capabilities: Promise<Capabilities> | undefined;

  /**
   * `address`: `wss://host[:port]`, or several, used in that order; left out: where the page came from.
   * Throws TypeError for what is no address, for arguments that contradict each other, and for a key that would travel
   * unencrypted.
   */
  constructor(address: string | URL | readonly (string | URL)[] = "/", options: ClientOptions = {}) {
    const addresses = Array.isArray(address) ? (address as readonly (string | URL)[]) : [address as string | URL];
    const servers = addresses.map(webServer);
    this.#servers = new Servers(servers);
    const secret = secretSource(options.apiKey, options.token);
    this.#secret = secret ?? (() => Promise.resolve(""));
    if (secret) for (const server of servers) checkSecretStaysSecret(server, options.plaintextSecret ?? false);
    this.#resuming = resumingOf(options.resume);
    this.#WebSocket = options.WebSocket ?? WebSocket;
    // A session whose page is gone need not be kept. A page that may come back keeps its streams.
    if ("addEventListener" in globalThis) {
      globalThis.addEventListener("pagehide", (event) => {
        if (!event.persisted) void this.close();
      });
    }
  }

  /** Opens a stream. An unreachable or refusing server shows in its events and its `done`. */
  stream(config: RecognitionConfig, { signal }: StreamSettings = {}): RecognitionStream {
    const rate = bytesPerS(config);
    const stream = openStream<WebServer>({
      servers: this.#servers,
      connect: (server) =>
        new WebSocketConnection({
          server,
          secret: this.#secret(),
          mostBufferedBytes: rate ? rate * BUFFERED_S : BUFFERED_BYTES,
          WebSocket: this.#WebSocket,
        }),
      config: { ...config },
      resuming: this.#resuming,
      signal,
      onClose: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream;
  }

  /** What the server offers; asked once. Rejects with ServerError. */
  async capabilities(): Promise<Capabilities> {
    this.#capabilities ??= this.#ask().catch((error: unknown) => {
      this.#capabilities = undefined;
      throw error;
    });
    return this.#capabilities;
  }

  /**
   * Streams a whole recording and gathers the finals: a File or Blob, or its bytes: WAV, FLAC and Ogg-Opus as they are,
   * what else the browser can decode, or headerless PCM where `config` names its encoding and rate.
   *
   * Rejects with UnreadableAudioError, with ServerError, or with the signal's reason.
   */
  async transcribe(
    source: Source,
    config: RecognitionConfig = {},
    options: TranscribeOptions = {},
  ): Promise<Transcript> {
    options.signal?.throwIfAborted();
    const audio = await openAudio(source, config, options.realTimeFactor !== undefined);
    return transcribe(this.stream(audio.config, options.signal ? { signal: options.signal } : {}), audio, options);
  }

  /** Gives up the streams that still run. */
  async close(): Promise<void> {
    const reason = new AmiraClientError("The client was closed.");
    await Promise.all([...this.#streams].map((stream) => stream.close(reason)));
  }

  /** The first server that is there answers. */
  async #ask(): Promise<Capabilities> {
    let first: ServerError | undefined;
    const secret = await this.#secret();
    for (const server of this.#servers.inTurn(this.#servers.preferred)) {
      try {
        return readCapabilities(await askCapabilities(server, secret, AbortSignal.timeout(CAPABILITIES_S * 1000)));
      } catch (error) {
        if (!(error instanceof ServerError) || !isLoss(error)) throw error;
        first ??= error;
      }
    }
    throw first as ServerError;
  }
}
