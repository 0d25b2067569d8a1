/**
 * One trace for all calls of a stream, the application's own where it has one.
 *
 * Where the application gives OpenTelemetry's API, a stream is a span of it, and the servers' spans are its children.
 * Where not, a call that goes on with a stream names the trace that the first server told.
 */

import type { AmiraClientError } from "../core/errors.js";

/** What is used of `@opentelemetry/api`: `new AmiraClient(target, { opentelemetry: api })`. */
export interface OpenTelemetry {
  trace: {
    getTracer: (name: string) => {
      startSpan: (name: string, options?: { kind?: number; attributes?: Record<string, string> }) => Span;
    };
    setSpan: (context: never, span: never) => unknown;
  };
  context: { active: () => unknown };
  propagation: { inject: (context: never, carrier: Record<string, string>) => void };
}

interface Span {
  setAttribute: (name: string, value: string) => unknown;
  addEvent: (name: string) => unknown;
  setStatus: (status: { code: number; message?: string }) => unknown;
  end: () => void;
}

const NAME = "amira.asr.v1.Speech/StreamingRecognize";
const CLIENT = 2; // SpanKind
const ERROR = 2; // SpanStatusCode

/** The span of one stream, however many calls it takes. */
export class StreamSpan {
  readonly #api: OpenTelemetry | undefined;
  readonly #span: Span | undefined;
  #told = "";
  #calls = 0;

  constructor(api: OpenTelemetry | undefined) {
    this.#api = api;
    const [service = "", method = ""] = NAME.split("/");
    const attributes = { "rpc.system": "grpc", "rpc.service": service, "rpc.method": method };
    this.#span = api?.trace.getTracer("amira-asr").startSpan(NAME, { kind: CLIENT, attributes });
  }

  /** What the stream's next call is to carry. */
  headers(): Record<string, string> {
    this.#calls += 1;
    if (!this.#api || !this.#span) return this.#told ? { traceparent: this.#told } : {};
    if (this.#calls > 1) this.#span.addEvent("another call");
    const carrier: Record<string, string> = {};
    const context = this.#api.trace.setSpan(this.#api.context.active() as never, this.#span as never);
    this.#api.propagation.inject(context as never, carrier);
    return carrier;
  }

  /** The server's `traceresponse`. */
  learn(traceparent: string): void {
    this.#told = traceparent;
  }

  /** The stream is over. */
  end(sessionId: string, error: AmiraClientError | undefined): void {
    if (!this.#span) return;
    this.#span.setAttribute("amira.session_id", sessionId);
    if (error) {
      this.#span.setAttribute("error.type", error.reason || error.name);
      this.#span.setStatus({ code: ERROR, message: error.reason });
    }
    this.#span.end();
  }
}
