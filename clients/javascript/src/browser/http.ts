/** What is asked over plain HTTP: what the server offers, and why it would not open a WebSocket. */

import { ServerError, UnreachableError } from "../core/errors.js";
import { isFields } from "../core/wire.js";
import { failureOf } from "./json-codec.js";
import type { WebServer } from "./servers.js";

/** The answer's JSON. Rejects with ServerError. */
export async function askCapabilities(server: WebServer, secret: string, signal: AbortSignal): Promise<unknown> {
  let answer: Response;
  try {
    const headers: Record<string, string> = secret ? { Authorization: `Bearer ${secret}` } : {};
    answer = await fetch(server.capabilitiesUrl, { headers, signal, cache: "no-store", credentials: "omit" });
  } catch (cause) {
    throw new UnreachableError(`No Amira server answers at ${server.target}.`, { cause, neverConnected: true });
  }
  const told: unknown = await answer.json().catch(() => null);
  if (answer.ok) return told;
  const error = isFields(told) && isFields(told["error"]) ? failureOf(told["error"]) : null;
  const status = answer.status >= 500 ? "UNAVAILABLE" : "UNKNOWN";
  throw error ?? new ServerError(`${server.target} answered ${String(answer.status)}.`, { status });
}
