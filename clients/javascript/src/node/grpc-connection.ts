/** A call over gRPC. */

import { status as codes, type ClientDuplexStream, type Metadata, type StatusObject } from "@grpc/grpc-js";
import { Answers, type Connection } from "../core/connection.js";
import { AmiraClientError } from "../core/errors.js";
import type { StreamingResponse } from "../core/messages.js";
import type { StreamingRequest } from "../core/requests.js";
import { messageDuration, readResponse, wireControl, wireOpening } from "../core/wire.js";
import { cancelled, failureOf, unwritable } from "./failures.js";
import { STREAMING_RECOGNIZE } from "./protocol.js";
import type { GrpcServer } from "./servers.js";

/** Answers that wait for a reader; more wait in the connection, and then at the server. */
const MOST_WAITING = 64;

export interface CallOptions {
  server: GrpcServer;
  metadata: Promise<Metadata>;
  deadline?: Date | undefined;
  /** Told of the server's first headers. */
  onMetadata: (metadata: Metadata) => void;
}

export class GrpcConnection implements Connection<GrpcServer> {
  readonly server: GrpcServer;
  readonly #answers = new Answers();
  readonly #begun: Promise<ClientDuplexStream<object, object> | null>;
  #call: ClientDuplexStream<object, object> | undefined;
  #over: (() => void) | undefined;
  readonly #ended = new Promise<false>((resolve) => {
    this.#over = () => {
      resolve(false);
    };
  });

  constructor(options: CallOptions) {
    this.server = options.server;
    this.#begun = this.#begin(options);
  }

  async read(): Promise<StreamingResponse | null> {
    const response = await this.#answers.next();
    if (this.#call?.isPaused() && this.#answers.length < MOST_WAITING) this.#call.resume();
    return response;
  }

  async write(request: StreamingRequest): Promise<boolean> {
    const call = this.#call ?? (await this.#begun);
    if (!call || this.#answers.over) return false;
    // The callback comes when HTTP/2's window has let the message go: that is the server's own pace.
    const written = new Promise<boolean>((resolve) => {
      call.write(wireOf(request), (error: unknown) => {
        resolve(!error);
      });
    });
    return Promise.race([written, this.#ended]);
  }

  doneWriting(): void {
    this.#call?.end();
  }

  cancel(): void {
    this.#end(cancelled());
    this.#call?.cancel();
  }

  async #begin({
    server,
    metadata,
    deadline,
    onMetadata,
  }: CallOptions): Promise<ClientDuplexStream<object, object> | null> {
    let headers: Metadata;
    try {
      headers = await metadata;
    } catch (error) {
      this.#end(error instanceof Error ? error : unwritable(STREAMING_RECOGNIZE, error)); // of a function that gives tokens
      return null;
    }
    if (this.#answers.over) return null;
    const { path, requestSerialize, responseDeserialize } = STREAMING_RECOGNIZE;
    const call = server.client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      headers,
      deadline ? { deadline } : {},
    );
    this.#call = call;
    call.on("metadata", onMetadata);
    call.on("data", (wire: object) => {
      this.#take(call, wire);
    });
    call.on("error", () => undefined); // `status` follows, and says the same
    call.on("status", (status: StatusObject) => {
      this.#end(status.code === codes.OK ? null : failureOf(status, server));
    });
    return call;
  }

  #take(call: ClientDuplexStream<object, object>, wire: object): void {
    try {
      this.#answers.push(readResponse(wire));
    } catch (error) {
      this.#end(error as AmiraClientError);
      call.cancel();
    }
    if (this.#answers.length >= MOST_WAITING) call.pause();
  }

  #end(error: Error | null): void {
    this.#answers.end(error);
    this.#over?.();
  }
}

function wireOf(request: StreamingRequest): object {
  switch (request.kind) {
    case "audio":
      return { audio: { content: request.content, offset: request.offset } };
    case "opening":
      return wireOpening(request, messageDuration);
    case "resume":
      return { resume: { token: request.token, lastSequence: request.lastSequence } };
    case "control":
      return { control: wireControl(request.control, messageDuration) };
  }
}
