/** What a scripted server does to its connections, the first, the second and so on; and what it saw. */

import { Session, type Message } from "./scripted-speech.js";

/** How a call ends, as a gateway says it. */
export interface Status {
  code: string;
  reason?: string;
  message?: string;
  retryAfterMs?: number;
}

export interface Behaviour {
  /** Refused at once. */
  refuse?: Status;
  /** The connection is cut when so many bytes of audio have come over it. */
  cutAfterBytes?: number;
  /** The call ends with this status then. */
  endAfterBytes?: { bytes: number; status: Status };
  /** The server says that it drains, at once, or then. */
  drainAfterBytes?: number;
  /** It says nothing to the opening, ever. */
  mute?: boolean;
  /** It takes nothing after so many bytes, for so long. */
  stallAfterBytes?: { bytes: number; ms: number };
  /** Sent as it is in place of an answer. */
  garbage?: string | Buffer;
  /** It says nothing more after so many bytes. */
  silentAfterBytes?: number;
}

/** Common to both transports. */
export class Script {
  readonly sessions: Session[] = [];
  readonly openings: Message[] = [];
  readonly controls: Message[] = [];
  connections = 0;
  receivedBytes = 0;
  abandoned = 0;
  /** Whether a session is kept when its call was lost. */
  keeps = true;

  constructor(readonly behaviours: Behaviour[]) {}

  next(): Behaviour {
    const behaviour = this.behaviours[Math.min(this.connections, this.behaviours.length - 1)] ?? {};
    this.connections += 1;
    return behaviour;
  }
}

export interface Line {
  send: (message: Message) => void;
  /** Ends the call as the server would. */
  end: (status: Status) => void;
  cut: () => void;
  garble: (content: string | Buffer) => void;
}

/** One call: takes requests, answers over its line. */
export class Call {
  #session: Session | undefined;
  #told = 0;
  #bytes = 0;
  #over = false;
  readonly #behaviour: Behaviour;

  constructor(
    readonly script: Script,
    readonly line: Line,
  ) {
    this.#behaviour = script.next();
  }

  request(message: Message, audio?: Uint8Array): void {
    if (this.#over) return;
    if (audio) this.#audio(audio, message);
    else if (message["control"]) this.#control(message["control"] as Message);
    else this.#open(message);
  }

  #open(message: Message): void {
    const { refuse, mute, garbage, drainAfterBytes } = this.#behaviour;
    this.script.openings.push(message);
    if (mute) return;
    if (garbage !== undefined) {
      this.line.garble(garbage);
      return;
    }
    if (refuse) {
      this.#end(refuse);
      return;
    }
    const resume = message["resume"] as Message | undefined;
    if (resume) {
      const session = this.script.keeps
        ? this.script.sessions.find(({ token }) => token === resume["token"])
        : undefined;
      if (!session) {
        this.#end({ code: "NOT_FOUND", reason: "SESSION_LOST", message: "not kept" });
        return;
      }
      this.#session = session;
      for (const answer of session.resumed(Number(resume["lastSequence"]))) this.line.send(answer);
      this.#told = session.log.length;
      if (session.ended) this.#end({ code: "OK" });
    } else {
      this.#session = new Session(
        message["config"] as Message,
        message["resumePoint"] as Message | undefined,
        message["resumable"] === true,
      );
      this.script.sessions.push(this.#session);
      this.#tell();
    }
    if (drainAfterBytes === 0) this.#drain();
  }

  #audio(content: Uint8Array, { offset }: Message): void {
    const { cutAfterBytes = Infinity, endAfterBytes, drainAfterBytes, silentAfterBytes = Infinity } = this.#behaviour;
    const room = cutAfterBytes - this.#bytes;
    if (room < content.byteLength) {
      // Some of it arrives, as connections break.
      this.#session?.audio(content.subarray(0, room - (room % 2)), offset === undefined ? undefined : Number(offset));
      this.#over = true;
      this.line.cut();
      return;
    }
    const before = this.#bytes;
    this.#bytes += content.byteLength;
    this.script.receivedBytes += content.byteLength;
    try {
      this.#session?.audio(content, offset === undefined ? undefined : Number(offset));
    } catch (error) {
      this.#end({ code: "INVALID_ARGUMENT", reason: "AUDIO_OFFSET_MISMATCH", message: String(error) });
      return;
    }
    if (this.#bytes < silentAfterBytes) this.#tell();
    if (endAfterBytes && this.#bytes >= endAfterBytes.bytes) this.#end(endAfterBytes.status);
    if (drainAfterBytes !== undefined && before < drainAfterBytes && this.#bytes >= drainAfterBytes) this.#drain();
  }

  #control(control: Message): void {
    this.script.controls.push(control);
    if (control["abandon"]) {
      this.script.abandoned += 1;
      this.#end({ code: "ABORTED", reason: "STREAM_ABANDONED" });
      return;
    }
    this.#session?.control(control);
    if (this.#bytes >= (this.#behaviour.silentAfterBytes ?? Infinity)) return;
    this.#tell();
    if (this.#session?.ended) this.#end({ code: "OK" });
  }

  #drain(): void {
    this.line.send({ draining: { timeLeft: "5.000s" } });
  }

  #tell(): void {
    if (!this.#session) return;
    for (const message of this.#session.since(this.#told)) this.line.send(message);
    this.#told = this.#session.log.length;
  }

  #end(status: Status): void {
    this.#over = true;
    this.line.end(status);
  }
}
