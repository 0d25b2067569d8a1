/** A real gRPC server on a free port that does what a script says. */

import {
  Metadata,
  Server,
  ServerCredentials,
  status as codes,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";
import {
  ERROR_INFO,
  GET_CAPABILITIES,
  RECOGNIZE,
  RETRY_INFO,
  STATUS,
  STREAMING_RECOGNIZE,
} from "../../src/node/protocol.js";
import { Call, Script, type Behaviour, type Status } from "./behaviour.js";
import type { Message } from "./scripted-speech.js";
import { Wire } from "./wire.js";

type Duplex = ServerDuplexStream<Message, object>;

export class GrpcServer extends Script {
  readonly #server = new Server();
  #wire: Wire | undefined;
  target = "";
  readonly metadata: Metadata[] = [];
  /** Refusals of unary calls, in order; then they are answered. */
  readonly unaryRefusals: Status[] = [];
  unaryCalls = 0;

  static async start(...behaviours: Behaviour[]): Promise<GrpcServer> {
    const server = new GrpcServer(behaviours);
    await server.#listen("127.0.0.1:0", ServerCredentials.createInsecure());
    return server;
  }

  static async startTls(credentials: ServerCredentials, ...behaviours: Behaviour[]): Promise<GrpcServer> {
    const server = new GrpcServer(behaviours);
    await server.#listen("127.0.0.1:0", credentials);
    return server;
  }

  /** Dies, with all connections, at once. */
  kill(): void {
    this.#wire?.close();
    this.#server.forceShutdown();
  }

  async #listen(address: string, credentials: ServerCredentials): Promise<void> {
    this.#server.addService(
      { StreamingRecognize: STREAMING_RECOGNIZE, Recognize: RECOGNIZE, GetCapabilities: GET_CAPABILITIES },
      {
        StreamingRecognize: (call: Duplex) => {
          this.#serve(call);
        },
        Recognize: (call: ServerUnaryCall<Message, object>, answer: sendUnaryData<object>) => {
          this.#answer(call, answer, {
            results: [
              {
                isFinal: true,
                alternatives: [{ text: `${String((call.request["audio"] as Buffer).byteLength)} bytes` }],
              },
            ],
          });
        },
        GetCapabilities: (call: ServerUnaryCall<Message, object>, answer: sendUnaryData<object>) => {
          this.#answer(call, answer, { serverVersion: "scripted" });
        },
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
    this.#wire = await Wire.to(port);
    this.target = this.#wire.target;
  }

  #answer(call: ServerUnaryCall<Message, object>, answer: sendUnaryData<object>, result: object): void {
    this.unaryCalls += 1;
    this.metadata.push(call.metadata);
    const refusal = this.unaryRefusals.shift();
    if (refusal) answer(errorOf(refusal));
    else answer(null, result);
  }

  #serve(call: Duplex): void {
    this.metadata.push(call.metadata);
    const { stallAfterBytes } = this.behaviours[Math.min(this.connections, this.behaviours.length - 1)] ?? {};
    let [bytes, stalled] = [0, false];
    call.on("error", () => undefined);
    const first = new Metadata();
    first.set("traceresponse", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    call.sendMetadata(first);
    const script = new Call(this, {
      send: (message) => {
        call.write(asObjects(message) as object);
      },
      end: (status) => {
        if (status.code === "OK") call.end();
        else call.emit("error", errorOf(status));
      },
      cut: () => this.#wire?.cut(),
      garble: () => {
        call.emit("error", { code: codes.INTERNAL, details: "garbage" });
      },
    });
    call.on("data", (message: Message) => {
      const audio = message["audio"] as { content: Buffer; offset?: string } | undefined;
      if (!audio) {
        script.request(message);
        return;
      }
      script.request({ offset: audio.offset }, audio.content);
      bytes += audio.content.byteLength;
      if (stallAfterBytes && bytes >= stallAfterBytes.bytes && !stalled) {
        stalled = true;
        call.pause();
        setTimeout(() => call.resume(), stallAfterBytes.ms);
      }
    });
  }
}

/** protobuf's JSON as grpc-js wants it: only durations differ. */
function asObjects(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asObjects);
  if (typeof value === "string" && /^\d+\.\d+s$/.test(value)) {
    const [seconds = "0", fraction = ""] = value.slice(0, -1).split(".");
    return { seconds, nanos: Number(fraction.padEnd(9, "0")) };
  }
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, asObjects(field)]));
}

function errorOf({ code, reason = "", message = code, retryAfterMs }: Status): {
  code: number;
  details: string;
  metadata: Metadata;
} {
  const number = codes[code as keyof typeof codes];
  const any = (name: string, value: Buffer): object => ({ type_url: `type.googleapis.com/google.rpc.${name}`, value });
  const details = reason ? [any("ErrorInfo", ERROR_INFO.serialize({ reason, domain: "amira.asr" }))] : [];
  if (retryAfterMs !== undefined) {
    const retryDelay = { seconds: Math.floor(retryAfterMs / 1000), nanos: (retryAfterMs % 1000) * 1e6 };
    details.push(any("RetryInfo", RETRY_INFO.serialize({ retryDelay })));
  }
  const metadata = new Metadata();
  if (reason) metadata.set("grpc-status-details-bin", STATUS.serialize({ code: number, message, details }));
  return { code: number, details: message, metadata };
}
