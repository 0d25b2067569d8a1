/**
 * Amira ASR in Node: audio in, words out while people are still speaking.
 *
 *     const client = new AmiraClient("127.0.0.1:50051");
 *     console.log((await client.transcribe("speech.flac")).text);
 *
 *     const stream = client.stream({ encoding: "LINEAR16", sampleRateHz: 16000, interimResults: true });
 *     stream.on("partial", ({ text }) => process.stdout.write(`\r${text}`));
 *     await stream.sendAll(process.stdin);
 *     await stream.end();
 *     console.log((await stream.done).text);
 */

export * from "../core/index.js";
export type { Pem, Tls, TlsWish, Token } from "./access.js";
export { AmiraClient, type ClientOptions, type StreamSettings, type UnarySettings } from "./client.js";
export type { Source } from "./sources.js";
export type { OpenTelemetry } from "./tracing.js";
