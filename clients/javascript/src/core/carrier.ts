/**
 * Carries one stream from server to server, so that its user sees a single unbroken one.
 *
 *     send ──► queue ──► replay buffer ──► connection ──► deliver (what is new)
 *                            │               │ lost, or draining
 *                            └─ replay ──► connection to the same or another server
 *
 * What the lost server had not said for good is in the replay buffer: the session is resumed where the server still
 * keeps it, otherwise begun anew at the last resume point.
 */

import type { Connection } from "./connection.js";
import { Delivered } from "./delivered.js";
import { ServerError, UnreachableError } from "./errors.js";
import type { SessionInfo, StreamingResponse } from "./messages.js";
import type { ReplayBuffer } from "./replay-buffer.js";
import type { Opening, Resume, StreamingRequest, UserRequest } from "./requests.js";
import { Backoff, isLoss, isUnreachable, mayPass, MOST_FRUITLESS, type Resuming } from "./resuming.js";
import type { Server, Servers } from "./servers.js";
import { Silence } from "./silence.js";
import { nowS, sleep, within } from "./time.js";
import { FAREWELL_S, Writer } from "./writer.js";

const ATTEMPT_S = 5;
const FIRST_ANSWER_S = 20;
const MOVE_AGAIN_S = 1;

export interface CarrierOptions<S extends Server> {
  servers: Servers<S>;
  /** Opens a call, without sending anything. */
  connect: (server: S) => Connection<S>;
  /** The stream's first message. */
  opening: Opening;
  /** Holds what `take` gave. */
  buffer: ReplayBuffer;
  take: (signal: AbortSignal) => Promise<UserRequest | null>;
  /** Hands a response to the user; waits while the user is behind. */
  deliver: (response: StreamingResponse) => Promise<void>;
  /** Null: the first loss ends the stream. */
  resuming: Resuming | null;
  /** Told when the stream has lost its server, and when it goes on. */
  onLost: (error: ServerError) => void;
  onFound: (server: S, sameSession: boolean) => void;
  silence: Silence;
}

/** One stream. {@link run} reads; a {@link Writer} writes. */
export class Carrier<S extends Server> {
  readonly #options: CarrierOptions<S>;
  readonly #delivered = new Delivered();
  readonly #life = new AbortController();
  #session: SessionInfo | undefined;
  #token = "";
  #sequence = 0;
  #fruitless = 0;
  #canResume = false;
  #writer: Writer | undefined;
  #connection: Connection<S>;
  /** What a connection must be sent before anything new; asked for once nobody writes elsewhere any more. */
  #pending: () => StreamingRequest[];
  readonly #farewells = new Set<Promise<void>>();

  constructor(options: CarrierOptions<S>) {
    this.#options = options;
    // Not waited for: the audio may follow at once.
    this.#connection = options.connect(options.servers.preferred);
    this.#pending = () => [options.opening];
  }

  /** Settles when a server has ended the stream with OK; rejects with why it ended: after a loss, with the loss. */
  async run(): Promise<void> {
    try {
      for (;;) {
        try {
          if (await this.#serve()) break;
        } catch (error) {
          this.#connection.cancel();
          if (!(error instanceof ServerError)) throw error;
          await this.#recover(error);
        }
      }
      await Promise.race([Promise.all(this.#farewells), sleep(FAREWELL_S)]);
    } finally {
      this.#connection.cancel();
    }
  }

  /** Who serves the stream; undefined until a server has answered. */
  get session(): SessionInfo | undefined {
    return this.#session;
  }

  /** Tells a server that would keep the session that nobody comes back; false where none would. A second at most. */
  async abandon(): Promise<boolean> {
    if (!this.#token || !this.#writer) return false;
    await this.#writer.sayFarewell();
    return true;
  }

  /** Ends the present call, and every attempt at another one, at once. */
  cancel(): void {
    this.#life.abort();
    this.#connection.cancel();
  }

  // -- with one server -------------------------------------------------------------------------

  /** True: the server has ended the stream with OK. False: another one goes on. */
  async #serve(): Promise<boolean> {
    const connection = this.#connection;
    const { take, buffer, resuming, silence } = this.#options;
    const writer = (this.#writer = new Writer({
      connection,
      pending: this.#pending(),
      take: async (signal) => {
        const request = await take(signal);
        if (request) buffer.append(request);
        return request;
      },
      written: (request) => {
        silence.sent(request);
      },
      halfCloses: resuming === null,
    }));
    let moveAtS: number | undefined;
    try {
      for (;;) {
        const response = await this.#read(connection);
        if (response === null) return true;
        await this.#handle(response);
        if (resuming && response.kind === "draining") moveAtS = 0;
        if (moveAtS === undefined || nowS() < moveAtS) continue;
        moveAtS = nowS() + MOVE_AGAIN_S;
        if (!(await this.#move())) continue;
        await writer.stop(FAREWELL_S);
        this.#bidFarewell(connection, writer);
        return false;
      }
    } catch (error) {
      connection.cancel();
      throw error;
    } finally {
      this.#writer = undefined;
      await writer.stop(0);
    }
  }

  async #read(connection: Connection<S>): Promise<StreamingResponse | null> {
    const { target } = connection.server;
    if (!this.#session) {
      // An address that swallows packets would otherwise hold the stream for minutes.
      return within(FIRST_ANSWER_S, connection.read(), () => {
        const told = `${target} did not answer within ${String(FIRST_ANSWER_S)} s.`;
        return new UnreachableError(told, { neverConnected: true });
      });
    }
    const lost = (): UnreachableError => new UnreachableError(`Nothing comes from ${target} any more.`);
    return this.#options.silence.watch(connection.read(), lost);
  }

  async #handle(response: StreamingResponse): Promise<void> {
    const { buffer, resuming, deliver, silence } = this.#options;
    silence.received(response.receivedOffset);
    this.#sequence = Math.max(this.#sequence, response.sequence);
    if (response.resumePoint) buffer.settle(response.resumePoint);
    switch (response.kind) {
      case "mark":
        buffer.markEchoed();
        this.#fruitless = 0;
        break;
      case "session":
        if (!this.#isFirst(response)) return;
        break;
      case "none":
        if (resuming) return;
        break;
      case "draining":
      case "warning":
        break; // nothing of the stream's own: a replay makes no progress by it
      default:
        if (!this.#delivered.isNew(response)) return;
        this.#fruitless = 0;
    }
    await deliver(response);
  }

  /** Takes note of who serves the stream now; says whether the user has yet to hear of a server. */
  #isFirst({ session, resuming }: StreamingResponse): boolean {
    const first = this.#session === undefined;
    this.#session = session;
    this.#token = resuming?.token ?? "";
    this.#options.servers.prefer(this.#connection.server);
    return first;
  }

  // -- from one to the next --------------------------------------------------------------------

  /** Goes on at another server while the present one still serves; false where none takes the stream. */
  async #move(): Promise<boolean> {
    const { servers, buffer, onFound } = this.#options;
    if (servers.all.length === 1 || !buffer.replayable) return false;
    for (const server of servers.inTurn(this.#connection.server).slice(1)) {
      try {
        await this.#begin(server);
        onFound(server, false);
        return true;
      } catch (error) {
        if (!(error instanceof ServerError)) throw error;
      }
    }
    return false;
  }

  /** Goes on at a server, or throws `error`. */
  async #recover(error: ServerError): Promise<void> {
    const { servers, resuming, buffer, onLost } = this.#options;
    this.#fruitless += 1;
    const lost = this.#connection.server;
    // A server that never answered is rather wrong than lost, one that refused stays so for a while: the others are
    // tried, but once; all of them later, where a refusal says when.
    const once = !this.#session && (isUnreachable(error) || error.reason !== "");
    const asksAgain = once && error.retryAfterS !== undefined;
    const passes = once ? mayPass(error) : isLoss(error);
    if (!resuming || !passes || this.#life.signal.aborted || this.#fruitless > MOST_FRUITLESS) throw error;
    this.#canResume = this.#token !== "" && !error.reason;
    let candidates = servers.inTurn(error.reason || once ? servers.after(lost) : lost);
    const all = candidates;
    if (once) candidates = candidates.filter((server) => server !== lost);
    const giveUpAtS = nowS() + (once ? resuming.refusedForS : resuming.forS);
    const backoff = new Backoff();
    let askedS = error.retryAfterS ?? 0;
    if (!once || asksAgain || candidates.length > 0) onLost(error);
    while (this.#canResume || buffer.replayable) {
      for (const server of candidates) {
        const outcome = await this.#tryAt(server, lost);
        if (outcome === true) return;
        if (outcome && !mayPass(outcome)) throw once ? error : outcome;
        askedS = Math.max(askedS, (outcome && outcome.retryAfterS) || 0);
      }
      if (once && !asksAgain) break;
      const delayS = backoff.nextS(askedS);
      if (nowS() + delayS > giveUpAtS || !(await sleep(delayS, this.#life.signal))) break;
      askedS = 0;
      candidates = all;
    }
    throw error;
  }

  /** True: the stream goes on there. False: what this server would need is not here. An error: not there, not now. */
  async #tryAt(server: S, lost: S): Promise<boolean | ServerError> {
    try {
      if (this.#canResume && server === lost) {
        try {
          await this.#resume(server);
          this.#options.onFound(server, true);
          return true;
        } catch (error) {
          if (!(error instanceof ServerError) || error.reason !== "SESSION_LOST") throw error;
          this.#canResume = false;
        }
      }
      if (!this.#options.buffer.replayable) return false;
      await this.#begin(server);
      this.#options.onFound(server, false);
      return true;
    } catch (error) {
      if (error instanceof ServerError) return error;
      throw error;
    }
  }

  /** Goes on with the session. */
  async #resume(server: S): Promise<void> {
    const { buffer } = this.#options;
    const resume: Resume = { kind: "resume", token: this.#token, lastSequence: this.#sequence };
    const { connection, first } = await this.#open(server, resume);
    const { offset, controls } = first.resuming ?? { offset: 0, controls: 0 };
    if (!buffer.reaches(offset)) {
      connection.cancel();
      throw new ServerError("The server lacks audio that is not kept any more.", { reason: "SESSION_LOST" });
    }
    this.#connection = connection;
    this.#pending = () => buffer.after(offset, controls);
    await this.#handle(first);
  }

  /** Begins a new session at the last resume point. */
  async #begin(server: S): Promise<void> {
    const { buffer } = this.#options;
    const { connection, first } = await this.#open(server, buffer.opening());
    this.#connection = connection;
    this.#pending = () => buffer.beginSession();
    this.#delivered.rewind();
    this.#sequence = 0;
    await this.#handle(first);
  }

  /** A call that the server has taken, and its first response. */
  async #open(server: S, opening: Opening | Resume): Promise<{ connection: Connection<S>; first: StreamingResponse }> {
    const connection = this.#options.connect(server);
    const cancel = (): void => {
      connection.cancel();
    };
    this.#life.signal.addEventListener("abort", cancel);
    try {
      if (this.#life.signal.aborted) cancel();
      const answered = connection.write(opening).then(() => connection.read());
      const late = `${server.target} did not take the stream within ${String(ATTEMPT_S)} s.`;
      const first = await within(ATTEMPT_S, answered, () => new UnreachableError(late));
      if (first?.kind !== "session") {
        throw new ServerError("The server did not take the stream.", { status: "UNAVAILABLE" });
      }
      return { connection, first };
    } catch (error) {
      cancel();
      throw error;
    } finally {
      this.#life.signal.removeEventListener("abort", cancel);
    }
  }

  #bidFarewell(connection: Connection<S>, writer: Writer): void {
    const leaving = leave(connection, writer).finally(() => this.#farewells.delete(leaving));
    this.#farewells.add(leaving);
  }
}

async function leave(connection: Connection, writer: Writer): Promise<void> {
  try {
    await writer.sayFarewell();
    const heard = (async () => {
      while ((await connection.read()) !== null); // until the server has heard
    })();
    await within(FAREWELL_S, heard, () => new Error("late"));
  } catch {
    // It was only a courtesy.
  } finally {
    connection.cancel();
  }
}
