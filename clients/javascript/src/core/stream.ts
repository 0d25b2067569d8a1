/**
 * One stream with a life cycle that cannot be misused silently.
 *
 *     open ──send/flush/mark/...──► open ──end()──► ended ──server done──► closed
 *       └──────────────── close() at any time ──────────────────────────────┘
 *
 * A carrier owns the calls that carry it (carrier.ts). While a lost server is being replaced, senders wait once the
 * queue is full, and readers wait for the next response.
 */

import { Carrier } from "./carrier.js";
import type { Connection } from "./connection.js";
import { bytesPerS, unitBytes } from "./encodings.js";
import { Emitter } from "./emitter.js";
import { AmiraClientError, StreamStateError } from "./errors.js";
import { Inbox } from "./inbox.js";
import type { ConfigUpdate, RecognitionConfig, SessionInfo, StreamingResponse, StreamingResult } from "./messages.js";
import { OutboundQueue } from "./outbound-queue.js";
import { inPieces, bytesOf, type Bytes } from "./pieces.js";
import { ReplayBuffer } from "./replay-buffer.js";
import type { Control, Opening } from "./requests.js";
import type { Resuming } from "./resuming.js";
import type { Server, Servers } from "./servers.js";
import { Silence } from "./silence.js";
import type { StreamEvents } from "./stream-events.js";
import { nowS, sleep } from "./time.js";
import { textOf, type Transcript } from "./transcript.js";

const MAX_MESSAGE_BYTES = 512 * 1024;
const MAX_MARK_BYTES = 128;
const LEAVE_S = 0.5;
/** What `send` takes before it waits. */
const QUEUE_S = 2;
const QUEUE_BYTES = 256 * 1024;

export interface StreamOptions<S extends Server> {
  servers: Servers<S>;
  connect: (server: S) => Connection<S>;
  config: RecognitionConfig;
  resuming: Resuming | null;
  signal?: AbortSignal | undefined;
  /** The stream is over. */
  onClose?: (session: SessionInfo | undefined, error: AmiraClientError | undefined) => void;
}

/** A running stream; made by `AmiraClient.stream`. */
export class RecognitionStream extends Emitter<StreamEvents> implements AsyncIterable<StreamingResponse> {
  readonly #unitBytes: number;
  readonly #bytesPerS: number | undefined;
  readonly #outbound: OutboundQueue;
  readonly #inbox = new Inbox<StreamingResponse>();
  readonly #carrier: Carrier<Server>;
  readonly #running: Promise<void>;
  readonly #done: Promise<Transcript>;
  readonly #finals: StreamingResult[] = [];
  #settle: { resolve: (transcript: Transcript) => void; reject: (error: unknown) => void } | undefined;
  #ended = false;
  #endedAtS: number | undefined;
  #lastFinalAtS: number | undefined;
  #receivedOffset = 0;
  #sentBytes = 0;
  #over = false;
  #failure: unknown;

  /** @internal */
  constructor(options: StreamOptions<Server>) {
    super();
    const { config, resuming } = options;
    this.#unitBytes = unitBytes(config);
    this.#bytesPerS = bytesPerS(config);
    this.#outbound = new OutboundQueue(this.#bytesPerS ? this.#bytesPerS * QUEUE_S : QUEUE_BYTES);
    const buffer = new ReplayBuffer(config, this.#unitBytes, resuming?.bufferBytes ?? 0);
    const opening: Opening = { kind: "opening", config, resumable: resuming !== null };
    this.#carrier = new Carrier<Server>({
      ...options,
      opening,
      buffer,
      take: (signal) => this.#outbound.take(signal),
      deliver: (response) => this.#deliver(response),
      onLost: (error) => {
        this.emit("reconnecting", { error });
      },
      onFound: (server, sameSession) => {
        this.emit("reconnected", { target: server.target, sameSession });
      },
      silence: new Silence(config, resuming?.silenceS ?? 0),
    });
    this.#done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#done.catch(() => undefined); // whoever listens to events alone need not catch it too
    this.#running = this.#run(options);
    this.#watch(options.signal);
  }

  /** What was recognized, once all has been; rejects with what ended the stream before that. */
  get done(): Promise<Transcript> {
    this.#inbox.flow();
    return this.#done;
  }

  /** Who serves the stream; undefined until a server has answered. */
  get session(): SessionInfo | undefined {
    return this.#carrier.session;
  }

  /** Whether {@link end} was called. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Audio that no connection has taken yet, in seconds (0 for formats with a header, whose rate is not known). */
  get queuedS(): number {
    return this.#bytesPerS ? this.#outbound.bytes / this.#bytesPerS : 0;
  }

  /** Audio that was given to {@link send} and that no server has acknowledged, in seconds (likewise). */
  get unacknowledgedS(): number {
    if (!this.#bytesPerS) return 0;
    return Math.max(0, this.#sentBytes - this.#receivedOffset * this.#unitBytes) / this.#bytesPerS;
  }

  override on<Name extends keyof StreamEvents>(name: Name, listener: (value: StreamEvents[Name]) => void): () => void {
    this.#inbox.flow();
    return super.on(name, listener);
  }

  /**
   * Sends audio in the config's encoding; settles when there is room for more, so that whoever waits for it never
   * runs ahead of the server by more than some seconds. The bytes are copied.
   *
   * Rejects with StreamStateError after {@link end} or {@link close}, with RangeError for PCM that is not a whole
   * number of samples of every channel, and with what ended the stream.
   */
  async send(audio: Bytes): Promise<void> {
    const bytes = bytesOf(audio);
    if (bytes.byteLength % this.#unitBytes) {
      const unit = String(this.#unitBytes);
      throw new RangeError(`${String(bytes.byteLength)} bytes are not a whole number of ${unit}-byte samples`);
    }
    this.#requireOpen("send audio");
    this.#sentBytes += bytes.byteLength;
    const step = Math.floor(MAX_MESSAGE_BYTES / this.#unitBytes) * this.#unitBytes;
    const puts: Promise<void>[] = [];
    for (let start = 0; start < bytes.byteLength; start += step) {
      puts.push(this.#outbound.put({ kind: "audio", content: bytes.slice(start, start + step), offset: 0 }));
    }
    await Promise.all(puts);
  }

  /** Sends all of a source, cut anywhere, at the pace that the server takes. Does not end the stream. */
  async sendAll(source: AsyncIterable<Bytes> | Iterable<Bytes>): Promise<void> {
    for await (const piece of inPieces(source, this.#unitBytes)) await this.send(piece);
  }

  /** Asks for the final of the open segment now. */
  async flush(): Promise<void> {
    await this.#control("flush", { flush: {} });
  }

  /** Asks for a `mark` event when all audio sent so far is decoded. Rejects with RangeError above 128 bytes. */
  async mark(id: string): Promise<void> {
    if (new TextEncoder().encode(id).byteLength > MAX_MARK_BYTES) {
      throw new RangeError(`a mark has at most ${String(MAX_MARK_BYTES)} bytes`);
    }
    await this.#control("set a mark", { mark: { id } });
  }

  /** Tells the server that the stream is still wanted although there is no audio. */
  async keepAlive(): Promise<void> {
    await this.#control("keep alive", { keepAlive: {} });
  }

  /** Changes settings: hotwords from the next segment on, the rest at once. Rejects with RangeError for no change. */
  async updateConfig(update: ConfigUpdate): Promise<void> {
    if (!update.hotwords && !update.endpoint && update.interimResults === undefined) {
      throw new RangeError("nothing to update: give hotwords, endpoint or interimResults");
    }
    await this.#control("update the config", { updateConfig: update });
  }

  /** Says that no audio follows; the last finals come, then {@link done} settles. */
  async end(): Promise<void> {
    this.#requireOpen("end");
    this.#ended = true;
    await this.#outbound.put({ kind: "control", control: { endOfAudio: {} } });
    this.#endedAtS = nowS();
  }

  /** Gives the stream up if it is still running; {@link done} rejects with `reason`. Safe to call twice. */
  async close(reason: unknown = new StreamStateError("The stream was closed.")): Promise<void> {
    if (this.#over) return;
    const left = this.#carrier.abandon(); // at once, as a page that is being closed has no later
    this.#finish(reason);
    if (await left) await Promise.race([this.#running, sleep(LEAVE_S)]);
    this.#carrier.cancel();
    await this.#running;
  }

  /** The responses, to be read once: what was read here or told to a listener does not come again. */
  [Symbol.asyncIterator](): AsyncIterator<StreamingResponse> {
    return this.#inbox.read();
  }

  async #control(what: string, control: Control): Promise<void> {
    this.#requireOpen(what);
    await this.#outbound.put({ kind: "control", control });
  }

  #requireOpen(what: string): void {
    if (this.#failure !== undefined) throw this.#failure as Error;
    if (this.#over) throw new StreamStateError(`Cannot ${what}: the server has ended the stream.`);
    if (this.#ended) throw new StreamStateError(`Cannot ${what}: end() was called before.`);
  }

  async #deliver(response: StreamingResponse): Promise<void> {
    if (this.#over) return;
    const { kind, result } = response;
    this.#receivedOffset = Math.max(this.#receivedOffset, response.receivedOffset);
    if (result?.isFinal) {
      this.#finals.push(result);
      this.#lastFinalAtS = nowS();
    }
    await this.#inbox.put(response, () => {
      this.emit("response", response);
      if (kind === "session" && response.session) this.emit("session", response.session);
      else if (result) this.emit(result.isFinal ? "final" : "partial", result);
      else if (response.event)
        this.emit(response.event.kind === "SPEECH_START" ? "speechStart" : "endpoint", response.event);
      else if (response.mark) this.emit("mark", response.mark);
      else if (response.draining) this.emit("draining", response.draining);
      else if (response.warning) this.emit("warning", response.warning);
    });
  }

  async #run({ onClose }: StreamOptions<Server>): Promise<void> {
    try {
      await this.#carrier.run();
      this.#finish(undefined);
    } catch (error) {
      this.#finish(error instanceof AmiraClientError ? error : broken(error));
    }
    onClose?.(this.session, this.#failure instanceof AmiraClientError ? this.#failure : undefined);
  }

  #finish(failure: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = failure;
    const ended: unknown = failure ?? new StreamStateError("The server has ended the stream.");
    this.#outbound.close(
      ended instanceof Error ? ended : new StreamStateError("The stream was closed.", { cause: ended }),
    );
    this.#inbox.end(failure, () => {
      if (failure === undefined) this.#settle?.resolve(this.#transcript());
      else {
        this.#settle?.reject(failure);
        this.emit("error", failure);
      }
      this.emit("close", undefined);
    });
  }

  #transcript(): Transcript {
    const [endedS, finalS] = [this.#endedAtS, this.#lastFinalAtS];
    return {
      text: textOf(this.#finals),
      finals: this.#finals,
      session: this.session,
      waitAfterAudioS: endedS === undefined || finalS === undefined ? undefined : Math.max(0, finalS - endedS),
    };
  }

  #watch(signal: AbortSignal | undefined): void {
    if (!signal) return;
    const abort = (): void => void this.close(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    this.#done
      .catch(() => undefined)
      .finally(() => {
        signal.removeEventListener("abort", abort);
      });
  }
}

/** What a client's `stream` makes, whatever its servers are. */
export const openStream = <S extends Server>(options: StreamOptions<S>): RecognitionStream =>
  new RecognitionStream(options as unknown as StreamOptions<Server>);

const broken = (error: unknown): AmiraClientError =>
  new AmiraClientError(`The stream broke: ${String(error)}`, { cause: error });
