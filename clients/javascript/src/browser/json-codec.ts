/** The subprotocol amira.asr.v1.json: messages as protobuf's JSON, audio as it is. */

import { serverError, STATUS_NAMES, type ServerError, type StatusName } from "../core/errors.js";
import type { StreamingResponse } from "../core/messages.js";
import type { StreamingRequest } from "../core/requests.js";
import { isFields, jsonDuration, readResponse, text, unreadable, wireControl, wireOpening } from "../core/wire.js";

export const PROTOCOL = "amira.asr.v1.json";

/** A text message, or a binary one. */
export function encode(request: StreamingRequest): string | Uint8Array {
  switch (request.kind) {
    case "audio":
      return request.content;
    case "opening":
      return JSON.stringify(wireOpening(request, jsonDuration));
    case "resume":
      return JSON.stringify({ resume: { token: request.token, lastSequence: String(request.lastSequence) } });
    case "control":
      return JSON.stringify({ control: wireControl(request.control, jsonDuration) });
  }
}

/** The server's last message says how the stream ended: null is well. */
export type Decoded = { response: StreamingResponse } | { end: ServerError | null };

/** Throws AmiraClientError for what no server says. */
export function decode(message: unknown): Decoded {
  let wire: unknown;
  try {
    wire = JSON.parse(text(message));
  } catch {
    throw unreadable();
  }
  if (!isFields(wire)) throw unreadable();
  return isFields(wire["status"]) ? { end: failureOf(wire["status"]) } : { response: readResponse(wire) };
}

/** What the server says of a call: the body of `status`, or of `error` in an HTTP answer. Null: all went well. */
export function failureOf(told: Record<string, unknown>): ServerError | null {
  const status = STATUS_NAMES.find((name) => name === told["code"]) ?? "UNKNOWN";
  if (status === "OK") return null;
  const afterMs = told["retryAfterMs"];
  const fields = {
    status: status satisfies StatusName,
    reason: text(told["reason"]),
    retryAfterS: typeof afterMs === "number" ? afterMs / 1000 : undefined,
  };
  return serverError(text(told["message"]) || status, fields, status === "UNAUTHENTICATED" ? ADVICE : "");
}

const ADVICE = "new AmiraClient(url, { apiKey }) sends one";
