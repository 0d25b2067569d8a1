/**
 * Amira ASR in a web page: audio in, words out while people are still speaking.
 *
 *     const client = new AmiraClient("wss://asr.example");
 *     const microphone = await Microphone.open();
 *     const stream = client.stream({ ...microphone.config, interimResults: true });
 *     stream.on("partial", ({ text }) => show(text));
 *     stream.on("final", ({ text }) => append(text));
 *     microphone.pipe(stream);
 *     // ... microphone.stop()
 *     const { text } = await stream.done;
 */

export * from "../core/index.js";
export { AmiraClient, type ClientOptions, type StreamSettings } from "./client.js";
export { Microphone, type MicrophoneEvents, type MicrophoneOptions } from "./microphone.js";
export type { Source } from "./recording.js";
export type { Secret } from "./servers.js";
export type { WebSocketConstructor } from "./web-socket-connection.js";
