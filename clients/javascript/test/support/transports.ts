/** The same client over both transports, against scripted servers. */

import { WebSocket } from "ws";
import { AmiraClient as WebClient } from "../../src/browser/client.js";
import type { WebSocketConstructor } from "../../src/browser/web-socket-connection.js";
import type { RecognitionConfig } from "../../src/core/messages.js";
import type { Resuming } from "../../src/core/resuming.js";
import type { RecognitionStream } from "../../src/core/stream.js";
import { AmiraClient as GrpcClient } from "../../src/node/client.js";
import type { Behaviour, Script } from "./behaviour.js";
import { GrpcServer } from "./grpc-server.js";
import { RATE_HZ } from "./scripted-speech.js";
import { WebServer } from "./web-server.js";

export const CONFIG: RecognitionConfig = { encoding: "LINEAR16", sampleRateHz: RATE_HZ, interimResults: true };
/** 20 ms. */
export const PIECE_BYTES = 640;

type Resume = boolean | Partial<Resuming>;

export interface Client {
  stream: (config: RecognitionConfig, settings?: { signal?: AbortSignal }) => RecognitionStream;
  close: () => Promise<void>;
}

export interface Transport {
  name: string;
  server: (...behaviours: Behaviour[]) => Promise<Script & { address: string; kill: () => Promise<void> }>;
  client: (addresses: string[], resume?: Resume) => Client;
}

export const web = (addresses: string[], options: { resume?: Resume; apiKey?: string } = {}): WebClient =>
  new WebClient(addresses, { ...options, WebSocket: WebSocket as unknown as WebSocketConstructor });

export const TRANSPORTS: Transport[] = [
  {
    name: "WebSocket",
    server: async (...behaviours) => {
      const server = await WebServer.start(...behaviours);
      return Object.assign(server, { address: server.url, kill: () => server.stop() });
    },
    client: (addresses, resume = true) => web(addresses, { resume }),
  },
  {
    name: "gRPC",
    server: async (...behaviours) => {
      const server = await GrpcServer.start(...behaviours);
      const kill = server.kill.bind(server);
      return Object.assign(server, {
        address: server.target,
        kill: () => {
          kill();
          return Promise.resolve();
        },
      });
    },
    client: (addresses, resume = true) => new GrpcClient(addresses, { resume }),
  },
];

/** What a test starts, ended after it, whatever became of it. */
export class Held {
  readonly #ends: (() => Promise<void>)[] = [];

  async server(transport: Transport, ...behaviours: Behaviour[]): ReturnType<Transport["server"]> {
    const server = await transport.server(...behaviours);
    this.#ends.push(() => server.kill());
    return server;
  }

  client(transport: Transport, addresses: string[], resume?: Resume): Client {
    const client = transport.client(addresses, resume);
    this.#ends.unshift(() => client.close());
    return client;
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0)) await end().catch(() => undefined);
  }
}

/** Sends it all in small pieces, and the end. */
export async function sendAll(stream: RecognitionStream, pcm: Uint8Array): Promise<void> {
  for (let at = 0; at < pcm.byteLength; at += PIECE_BYTES) await stream.send(pcm.slice(at, at + PIECE_BYTES));
  await stream.end();
}
