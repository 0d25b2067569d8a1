/** How a client proves who it is, and whom it believes: TLS, API keys, tokens. */

import { readFileSync } from "node:fs";
import { credentials, type ChannelCredentials } from "@grpc/grpc-js";

/** PEM content, or the path of a file that holds it. */
export type Pem = Buffer | string;

/** A token, or what gives a fresh one for each call. */
export type Token = string | (() => string | Promise<string>);

export interface Tls {
  /** Of the authorities that may sign the server's certificate; left out: those that Node brings along. */
  ca?: Pem;
  /** The client's certificate chain, where the server asks for one; goes with `key`. */
  cert?: Pem;
  key?: Pem;
  /** Name expected in the server's certificate, where it is not the one in the target. */
  serverName?: string;
}

/** True: with the authorities that Node brings along; a path or PEM: with those; false: plaintext. */
export type TlsWish = boolean | Pem | Tls;

/** Null: plaintext. Throws TypeError when `cert` and `key` do not come together, and for files that are not there. */
export function tlsOptions(wish: TlsWish | undefined): Tls | null {
  if (!wish) return null;
  const tls = wish === true ? {} : typeof wish === "string" || Buffer.isBuffer(wish) ? { ca: wish } : wish;
  if ((tls.cert === undefined) !== (tls.key === undefined)) throw new TypeError("tls: give cert and key together");
  return tls;
}

export function channelCredentials(tls: Tls | null): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  return credentials.createSsl(content(tls.ca), content(tls.key), content(tls.cert));
}

function content(pem: Pem | undefined): Buffer | null {
  if (pem === undefined) return null;
  if (Buffer.isBuffer(pem)) return pem;
  return pem.includes("-----BEGIN") ? Buffer.from(pem) : readFileSync(pem);
}

/** What gives the secret for each call; undefined without one. Throws TypeError for what none can be. */
export function secretSource(
  apiKey: string | undefined,
  token: Token | undefined,
): (() => Promise<string>) | undefined {
  if (apiKey !== undefined && token !== undefined) throw new TypeError("give apiKey or token, not both");
  const secret = apiKey ?? token;
  if (secret === undefined) return undefined;
  if (typeof secret === "string") checkSecret(secret);
  return async () => {
    const text = typeof secret === "string" ? secret : await secret();
    return checkSecret(text);
  };
}

function checkSecret(secret: string): string {
  const text = secret.trim();
  if (/^[\x20-\x7e]+$/.test(text)) return text;
  throw new TypeError("the API key or token is empty, or holds characters that none can have");
}

/** Throws TypeError where a key or token would leave this machine unencrypted. */
export function checkSecretStaysSecret(target: string, secure: boolean, allowed: boolean): void {
  if (secure || allowed || isLocal(target)) return;
  throw new TypeError(
    `the API key or token would travel unencrypted to ${target}: pass tls: true (or tls: "ca.pem" for an authority of ` +
      "your own); where something on the way encrypts, plaintextSecret: true",
  );
}

function isLocal(target: string): boolean {
  if (/^unix(-abstract)?:/.test(target)) return true;
  // One address only: a list ("ipv4:127.0.0.1:1,192.0.2.7:1") is not all local because it begins so.
  const address = target.slice(target.lastIndexOf("/") + 1).replace(/^ipv[46]:/, "");
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(address);
}
