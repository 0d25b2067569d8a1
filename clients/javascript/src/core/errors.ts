/**
 * What can go wrong, and how the server's refusals arrive.
 *
 *     AmiraClientError
 *     ├── ServerError            the server ended the call: status, reason and retryAfterS say why
 *     │   ├── UnreachableError   no server answered, the connection broke, or the TLS handshake failed
 *     │   └── AccessError        the API key or token is missing, not valid, or not for this
 *     ├── StreamStateError       a stream was used in an order that cannot work (a bug in the caller)
 *     └── UnreadableAudioError   the source is not audio, or needs a decoder that is not here; a microphone that
 *                                cannot be had
 *
 * `reason` is the stable name from docs/ERRORS.md (for example NO_CAPACITY): test for it, not for the wording.
 */

/** Names of gRPC's statuses. */
export const STATUS_NAMES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

export type StatusName = (typeof STATUS_NAMES)[number];

export interface ErrorFields {
  /** Undefined when the error was found before anything was sent. */
  status?: StatusName | undefined;
  /** Stable name of the cause; empty when the server gave none. */
  reason?: string;
  /** Wait this long and try again; undefined when a retry cannot help. */
  retryAfterS?: number | undefined;
  cause?: unknown;
}

/** Base of all errors of this library. */
export class AmiraClientError extends Error {
  readonly status: StatusName | undefined;
  readonly reason: string;
  readonly retryAfterS: number | undefined;

  constructor(message: string, { status, reason = "", retryAfterS, cause }: ErrorFields = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.status = status;
    this.reason = reason;
    this.retryAfterS = retryAfterS;
  }
}

/** The server refused the call or broke it off. */
export class ServerError extends AmiraClientError {}

/** Nobody answers, or the connection broke. */
export class UnreachableError extends ServerError {
  /** Whether no connection was made at all: rather a wrong address than a loss. */
  readonly neverConnected: boolean;

  constructor(message: string, fields: ErrorFields & { neverConnected?: boolean } = {}) {
    super(message, { status: "UNAVAILABLE", ...fields });
    this.neverConnected = fields.neverConnected ?? false;
  }
}

/** The server does not let this client in, or not to this method. */
export class AccessError extends ServerError {}

/** The stream was used after its end, or in an order that the protocol does not allow. */
export class StreamStateError extends AmiraClientError {}

/** The source is not audio, needs a decoder that is not here, or is a microphone that cannot be had. */
export class UnreadableAudioError extends AmiraClientError {}

/** The error that a server's own words make. */
export function serverError(message: string, fields: ErrorFields, advice = ""): ServerError {
  const { status } = fields;
  const told = advice ? `${message} (${advice})` : message;
  const refused = status === "UNAUTHENTICATED" || status === "PERMISSION_DENIED";
  return refused ? new AccessError(told, fields) : new ServerError(told, fields);
}
