/** Talks to an Amira server over gRPC, or to several that can stand in for each other. */

import { Metadata } from "@grpc/grpc-js";
import { AmiraClientError } from "../core/errors.js";
import type { Capabilities, RecognitionConfig, StreamingResult } from "../core/messages.js";
import { bytesOf, joined } from "../core/pieces.js";
import { resumingOf, type Resuming } from "../core/resuming.js";
import { Servers } from "../core/servers.js";
import { openStream, type RecognitionStream } from "../core/stream.js";
import { transcribe, type TranscribeOptions } from "../core/transcribe.js";
import { textOf, type Transcript } from "../core/transcript.js";
import { list, messageDuration, readCapabilities, readResponse, readResult, wireConfig } from "../core/wire.js";
import { checkSecretStaysSecret, secretSource, tlsOptions, type TlsWish, type Token } from "./access.js";
import { GrpcConnection } from "./grpc-connection.js";
import { GET_CAPABILITIES, RECOGNIZE, type Method } from "./protocol.js";
import { grpcServer, metadataOf, splitTargets, type GrpcServer } from "./servers.js";
import { openAudio, type Source } from "./sources.js";
import { StreamSpan, type OpenTelemetry } from "./tracing.js";
import { ask } from "./unary.js";

const UNARY_TIMEOUT_S = 120;
const CAPABILITIES_TIMEOUT_S = 10;

export interface ClientOptions {
  /** True: the server's certificate must be of a public authority; a path or PEM: of one of those; `Tls` for more. */
  tls?: TlsWish;
  /** Sent with every call. */
  apiKey?: string;
  /** A JWT in place of an API key, or a function that gives a fresh one for each call. */
  token?: Token;
  /** Allows `apiKey` and `token` to leave this machine without TLS. */
  plaintextSecret?: boolean;
  /** Sent with every call besides. */
  headers?: Record<string, string>;
  /** Whether a stream that loses its server goes on by itself, there or at another one. Default true. */
  resume?: boolean | Partial<Resuming>;
  /** `@opentelemetry/api`: streams become spans of the application's trace. */
  opentelemetry?: OpenTelemetry;
}

export interface StreamSettings {
  /** Gives the stream up when it aborts. */
  signal?: AbortSignal;
  /** Bound on the whole stream, in seconds: none for live audio. */
  timeoutS?: number;
}

export interface UnarySettings {
  timeoutS?: number;
  signal?: AbortSignal;
}

export class AmiraClient {
  readonly #servers: Servers<GrpcServer>;
  readonly #secret: (() => Promise<string>) | undefined;
  readonly #headers: Record<string, string>;
  readonly #resuming: Resuming | null;
  readonly #opentelemetry: OpenTelemetry | undefined;
  readonly #streams = new Set<RecognitionStream>();
  #capabilities: Promise<Capabilities> | undefined;

  /**
   * `target`: `host:port`, or any gRPC name such as `dns:///asr.example:443`; several, in a list or separated by
   * commas, are used in that order.
   *
   * Throws TypeError for arguments that contradict each other, and for a key that would travel unencrypted.
   */
  constructor(target: string | readonly string[], options: ClientOptions = {}) {
    const tls = tlsOptions(options.tls);
    this.#headers = options.headers ?? {};
    metadataOf(this.#headers); // throws for names that are none
    this.#secret = secretSource(options.apiKey, options.token);
    const hasSecret = this.#secret !== undefined || "authorization" in this.#headers;
    const targets = splitTargets(target);
    if (this.#secret)
      for (const one of targets) checkSecretStaysSecret(one, tls !== null, options.plaintextSecret ?? false);
    this.#servers = new Servers(targets.map((one) => grpcServer(one, tls, hasSecret)));
    this.#resuming = resumingOf(options.resume);
    this.#opentelemetry = options.opentelemetry;
  }

  /** Opens a stream. An unreachable or refusing server shows in its events and its `done`. */
  stream(config: RecognitionConfig, { signal, timeoutS }: StreamSettings = {}): RecognitionStream {
    const span = new StreamSpan(this.#opentelemetry);
    const deadline = timeoutS === undefined ? undefined : new Date(Date.now() + timeoutS * 1000);
    const stream = openStream<GrpcServer>({
      servers: this.#servers,
      connect: (server) =>
        new GrpcConnection({
          server,
          metadata: this.#metadata(span.headers()),
          deadline,
          onMetadata: (metadata) => {
            const [told] = metadata.get("traceresponse");
            if (typeof told === "string") span.learn(told);
          },
        }),
      config: { ...config },
      resuming: this.#resuming,
      signal,
      onClose: (session, error) => {
        this.#streams.delete(stream);
        span.end(session?.sessionId ?? "", error);
      },
    });
    this.#streams.add(stream);
    return stream;
  }

  /** What the server offers; asked once. Rejects with ServerError. */
  async capabilities(settings: UnarySettings = {}): Promise<Capabilities> {
    this.#capabilities ??= this.#ask(GET_CAPABILITIES, {}, { timeoutS: CAPABILITIES_TIMEOUT_S, ...settings })
      .then(readCapabilities)
      .catch((error: unknown) => {
        this.#capabilities = undefined;
        throw error;
      });
    return this.#capabilities;
  }

  /**
   * Recognizes a short recording (see Limits.maxUnaryAudioS) in one call; longer ones with {@link transcribe}.
   * Rejects with UnreadableAudioError, ServerError, or the signal's reason.
   */
  async recognize(source: Source, config: RecognitionConfig = {}, settings: UnarySettings = {}): Promise<Transcript> {
    const audio = await openAudio(source, config);
    const parts: Uint8Array[] = [];
    for await (const piece of audio.content) parts.push(bytesOf(piece));
    const request = { config: wireConfig(audio.config, messageDuration), audio: joined(parts) };
    const answer = (await this.#ask(RECOGNIZE, request, { timeoutS: UNARY_TIMEOUT_S, ...settings })) as Record<
      string,
      unknown
    >;
    const finals: StreamingResult[] = list(answer["results"]).map(readResult);
    const { session } = readResponse({ session: answer["session"] });
    return { text: textOf(finals), finals, session, waitAfterAudioS: undefined };
  }

  /**
   * Streams a whole recording and gathers the finals: WAV, FLAC and Ogg-Opus as they are, or headerless PCM where
   * `config` names its encoding and rate.
   *
   * Rejects with UnreadableAudioError, ServerError, or the signal's reason.
   */
  async transcribe(
    source: Source,
    config: RecognitionConfig = {},
    options: TranscribeOptions & StreamSettings = {},
  ): Promise<Transcript> {
    options.signal?.throwIfAborted();
    const audio = await openAudio(source, config);
    return transcribe(this.stream(audio.config, options), audio, options);
  }

  /** Closes the channels; streams that still run are given up. */
  async close(): Promise<void> {
    const reason = new AmiraClientError("The client was closed.");
    await Promise.all([...this.#streams].map((stream) => stream.close(reason)));
    for (const { client } of this.#servers.all) client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #ask(method: Method, request: object, settings: UnarySettings & { timeoutS: number }): Promise<object> {
    const { timeoutS, signal } = settings;
    const refusedForS = this.#resuming?.refusedForS ?? 0;
    const metadata = (): Promise<Metadata> => this.#metadata({});
    return ask(method, request, { servers: this.#servers, metadata, timeoutS, refusedForS, signal });
  }

  async #metadata(trace: Record<string, string>): Promise<Metadata> {
    const secret = await this.#secret?.();
    return metadataOf({ ...this.#headers, ...trace, ...(secret && { authorization: `Bearer ${secret}` }) });
  }
}
