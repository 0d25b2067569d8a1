/** A real WebSocket server on a free port that does what a script says. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { Call, Script, type Behaviour } from "./behaviour.js";
import type { Message } from "./scripted-speech.js";

const HTTP: Record<string, number> = {
  OK: 200,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  UNAVAILABLE: 503,
};

export class WebServer extends Script {
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  protocols: string[] = [];
  /** The only key that is let in; empty: nobody is asked. */
  key = "";
  url = "";

  private constructor(behaviours: Behaviour[]) {
    super(behaviours);
    this.#http = createServer((request, response) => {
      const known = !this.key || request.headers.authorization === `Bearer ${this.key}`;
      response.writeHead(known ? 200 : 401, { "content-type": "application/json" });
      const error = { code: "UNAUTHENTICATED", reason: "UNAUTHENTICATED", message: "send a key" };
      response.end(
        JSON.stringify(
          known
            ? { serverVersion: "scripted", encodings: ["AUDIO_ENCODING_FLAC"], limits: { idleTimeout: "60s" } }
            : { error },
        ),
      );
    });
    this.#http.on("upgrade", (request, socket, head) => {
      this.protocols = (request.headers["sec-websocket-protocol"] ?? "").split(", ");
      if (this.key && !this.protocols.includes(`amira.key.${this.key}`)) {
        socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (one) => {
        this.#serve(one, socket);
      });
    });
  }

  static async start(...behaviours: Behaviour[]): Promise<WebServer> {
    const server = new WebServer(behaviours);
    await new Promise<void>((resolve) => server.#http.listen(0, "127.0.0.1", resolve));
    server.url = `ws://127.0.0.1:${String((server.#http.address() as AddressInfo).port)}`;
    return server;
  }

  async stop(): Promise<void> {
    for (const one of this.#sockets.clients) one.terminate();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #serve(one: WebSocket, socket: Duplex): void {
    const { stallAfterBytes } = this.behaviours[Math.min(this.connections, this.behaviours.length - 1)] ?? {};
    let [bytes, stalled] = [0, false];
    const call = new Call(this, {
      send: (message) => {
        one.send(JSON.stringify(message));
      },
      end: (status) => {
        one.send(JSON.stringify({ status }));
        one.close(status.code === "OK" ? 1000 : 4000 + (HTTP[status.code] ?? 400));
      },
      cut: () => socket.destroy(),
      garble: (content) => {
        one.send(content);
      },
    });
    one.on("message", (data: Buffer, isBinary) => {
      if (!isBinary) {
        call.request(JSON.parse(data.toString()) as Message);
        return;
      }
      call.request({}, data);
      bytes += data.byteLength;
      if (stallAfterBytes && bytes >= stallAfterBytes.bytes && !stalled) {
        stalled = true;
        one.pause();
        setTimeout(() => {
          one.resume();
        }, stallAfterBytes.ms);
      }
    });
    one.on("error", () => undefined);
  }
}
