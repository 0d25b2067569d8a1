/** What a failed call means, with the server's reason and its advice on retrying. */

import { status as codes, type StatusObject } from "@grpc/grpc-js";
import { AmiraClientError, ServerError, serverError, UnreachableError, type StatusName } from "../core/errors.js";
import { isFields, list, seconds, text } from "../core/wire.js";
import { ERROR_INFO, RETRY_INFO, STATUS, type Method } from "./protocol.js";
import type { GrpcServer } from "./servers.js";

const DOMAIN = "amira.asr";
const DETAILS = "grpc-status-details-bin";

/** grpc-js's own words, without a status from the server. */
const NEVER_CONNECTED = /^(No connection established|Name resolution failed|Failed to connect)/;
const BROKEN = /RST_STREAM|Connection dropped|ECONNRESET|Stream (removed|closed)|socket hang up|GOAWAY/i;
const UNREADABLE = /response message parsing|Error deserializing|Failed to parse/i;

const HANDSHAKES: [RegExp, string][] = [
  [
    /self[- ]signed|unable to (verify|get)|certificate has expired|UNABLE_TO|issuer/i,
    'the server\'s certificate is not signed by an authority that is trusted here, or has expired: pass tls: "ca.pem" with its authority',
  ],
  [
    /altnames|Hostname/i,
    "the server's certificate is for another name: call it by the name in the certificate, or pass tls: { serverName }",
  ],
  [/wrong version number|packet length too long/i, "the server speaks no TLS on this port: leave out tls"],
  [
    /certificate required|alert|handshake/i,
    "if it asks for a client certificate, pass tls: { ca, cert, key } with one that it accepts",
  ],
];

export function failureOf({ code, details, metadata }: StatusObject, server: GrpcServer): AmiraClientError {
  const status = codes[code] as StatusName;
  const { reason, retryAfterS } = advice(metadata.get(DETAILS)[0]);
  if (UNREADABLE.test(details) && !reason)
    return new AmiraClientError("A response cannot be read: is this an Amira server?");
  if (!reason && (status === "UNAVAILABLE" || BROKEN.test(details))) {
    const neverConnected = NEVER_CONNECTED.test(details);
    const told = `No Amira server answers at ${server.target}: ${details}`;
    const remedy = neverConnected ? remedyFor(details, server.secure) : "";
    return new UnreachableError(remedy ? `${told} (${remedy})` : told, { neverConnected });
  }
  const unauthenticated = status === "UNAUTHENTICATED" && !server.hasSecret;
  const remedy = unauthenticated ? "new AmiraClient(target, { apiKey }) or { token } sends one" : "";
  return serverError(details || status, { status, reason, retryAfterS }, remedy);
}

function remedyFor(details: string, secure: boolean): string {
  if (!secure)
    return /ECONNRESET|hang up|dropped|closed/i.test(details)
      ? 'if it speaks TLS, pass tls: true or tls: "ca.pem"'
      : "";
  return HANDSHAKES.find(([sign]) => sign.test(details))?.[1] ?? "";
}

/** Of google.rpc.Status, where the server sent one. */
function advice(content: unknown): { reason: string; retryAfterS: number | undefined } {
  let reason = "";
  let retryAfterS: number | undefined;
  if (!Buffer.isBuffer(content)) return { reason, retryAfterS };
  try {
    for (const { typeUrl, type_url, value } of list(
      (STATUS.deserialize(content) as Record<string, unknown>)["details"],
    )) {
      const type = text(typeUrl ?? type_url);
      const bytes = Buffer.from((value ?? []) as Uint8Array);
      if (type.endsWith("/google.rpc.ErrorInfo")) {
        const info = ERROR_INFO.deserialize(bytes) as Record<string, unknown>;
        if (info["domain"] === DOMAIN) reason = text(info["reason"]);
      } else if (type.endsWith("/google.rpc.RetryInfo")) {
        const { retryDelay } = RETRY_INFO.deserialize(bytes) as Record<string, unknown>;
        retryAfterS = isFields(retryDelay) ? seconds(retryDelay) : 0;
      }
    }
  } catch {
    // Details that cannot be read: not from a server of ours.
  }
  return { reason, retryAfterS };
}

/** What a request that cannot be written means; grpc-js throws it where the request is given. */
export const unwritable = (method: Method, cause: unknown): AmiraClientError =>
  new AmiraClientError(`A request for ${method.path} cannot be written: ${String(cause)}`, { cause });

export const cancelled = (): ServerError => new ServerError("The call was cancelled.", { status: "CANCELLED" });
