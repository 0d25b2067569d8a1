/** Addresses of gateways as a page knows them, and the key that is shown to them. */

import type { Server } from "../core/servers.js";

const STREAM_PATH = "/v1/stream";

export interface WebServer extends Server {
  readonly streamUrl: string;
  readonly capabilitiesUrl: string;
}

/** A key or token, or what gives a fresh one for each connection. */
export type Secret = string | (() => string | Promise<string>);

/** Where the page came from, where it came from a server. */
const ownAddress = (): string | undefined => ("location" in globalThis ? globalThis.location.href : undefined);

/**
 * `address`: http(s) or ws(s), with or without the path of the stream, or relative to the page.
 * Throws TypeError for what is no such address.
 */
export function webServer(address: string | URL): WebServer {
  const given = String(address);
  let url: URL;
  try {
    url = new URL(given, ownAddress());
  } catch {
    throw new TypeError(`"${given}" is no address of a server: give one like wss://asr.example`);
  }
  const secure = { "http:": false, "ws:": false, "https:": true, "wss:": true }[url.protocol];
  if (secure === undefined)
    throw new TypeError(`"${given}" is no address of a server: give one like wss://asr.example`);
  const path = url.pathname.replace(/\/+$/, "").replace(/\/v1\/stream$/, "");
  const at = (scheme: string, end: string): string => `${scheme}${secure ? "s" : ""}://${url.host}${path}${end}`;
  return { target: url.host, streamUrl: at("ws", STREAM_PATH), capabilitiesUrl: at("http", "/v1/capabilities") };
}

/** What gives the secret; undefined without one. Throws TypeError for what none can be. */
export function secretSource(
  apiKey: string | undefined,
  token: Secret | undefined,
): (() => Promise<string>) | undefined {
  if (apiKey !== undefined && token !== undefined) throw new TypeError("give apiKey or token, not both");
  const secret = apiKey ?? token;
  if (secret === undefined) return undefined;
  if (typeof secret === "string") checkSecret(secret);
  return async () => {
    const text = typeof secret === "string" ? secret : await secret();
    checkSecret(text);
    return text;
  };
}

/** A browser sends it as the name of a subprotocol, which not all characters may be in. */
function checkSecret(secret: string): void {
  if (!/^[\w.!#$%&'*+^`|~-]+$/.test(secret)) {
    throw new TypeError("the API key or token is empty, or holds characters that none can have: copy it again");
  }
}

/** Throws TypeError where a key or token would leave this machine unencrypted. */
export function checkSecretStaysSecret({ streamUrl, target }: WebServer, allowed: boolean): void {
  const { protocol, hostname } = new URL(streamUrl);
  const isLocal = hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname);
  if (protocol === "wss:" || isLocal || allowed) return;
  throw new TypeError(
    `the API key or token would travel unencrypted to ${target}: use wss://; where something on the way encrypts, plaintextSecret: true`,
  );
}
