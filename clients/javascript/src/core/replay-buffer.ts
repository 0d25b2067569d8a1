/** What another server must be sent to stand where the lost one stood: all since the last resume point. */

import type { ConfigUpdate, RecognitionConfig, ResumePoint } from "./messages.js";
import { sizeOf, type AudioRequest, type Opening, type UserRequest } from "./requests.js";

interface Entry {
  request: UserRequest;
  beginByte: number;
  endByte: number;
}

const isMark = ({ request }: Entry): boolean => request.kind === "control" && request.control.mark !== undefined;

/**
 * The requests of one stream, in order, each with its place in the audio.
 *
 * A new resume point drops what lies before it, and makes the settings that were changed there part of the config.
 * Without resume points (formats with a header) everything is kept, up to the bound: then the oldest is forgotten.
 */
export class ReplayBuffer {
  #config: RecognitionConfig;
  readonly #unitBytes: number;
  readonly #mostBytes: number;
  #entries: Entry[] = [];
  #keptBytes = 0;
  #endByte = 0;
  /** Audio before it was forgotten, wanted or not. */
  #forgottenByte = 0;
  #point: ResumePoint | undefined;
  /** Of the present session, all of them received. */
  #droppedControls = 0;

  /** `unitBytes`: per unit of an offset. `mostBytes`: bound on what is kept; 0: nothing is. */
  constructor(config: RecognitionConfig, unitBytes: number, mostBytes: number) {
    this.#config = { ...config };
    this.#unitBytes = unitBytes;
    this.#mostBytes = mostBytes;
  }

  /** Whether all that another server needs is here. */
  get replayable(): boolean {
    return this.#mostBytes > 0 && this.#forgottenByte <= this.#pointByte;
  }

  /** Gives audio its offset and keeps the request, which is about to be sent for the first time. */
  append(request: UserRequest): void {
    const beginByte = this.#endByte;
    if (request.kind === "audio") {
      request.offset = beginByte / this.#unitBytes;
      this.#endByte += request.content.byteLength;
    } else if (request.control.keepAlive) return;
    if (this.#mostBytes === 0) {
      this.#forgottenByte = this.#endByte;
      return;
    }
    this.#entries.push({ request, beginByte, endByte: this.#endByte });
    this.#keptBytes += sizeOf(request);
    if (this.#keptBytes > this.#mostBytes) this.#forgetOldest();
  }

  /** The server has named a place where any other can go on. */
  settle(point: ResumePoint): void {
    this.#point = point;
    const waiting: Entry[] = [];
    let count = 0;
    for (const entry of this.#entries) {
      if (!this.#isSettled(entry)) break;
      count += 1;
      if (isMark(entry)) waiting.push(entry);
      else this.#drop(entry);
    }
    this.#entries.splice(0, count, ...waiting); // marks that were not echoed yet are kept
  }

  /** The oldest mark came back: it is not sent again. */
  markEchoed(): void {
    const index = this.#entries.findIndex(isMark);
    const [mark] = index < 0 ? [] : this.#entries.splice(index, 1);
    if (mark) this.#drop(mark);
  }

  /** The first message of a new session that goes on at the last resume point. */
  opening(): Opening {
    return { kind: "opening", config: this.#config, resumable: true, resumePoint: this.#point };
  }

  /** What follows {@link opening}. */
  beginSession(): UserRequest[] {
    this.#droppedControls = 0;
    return this.#from(this.#pointByte, 0);
  }

  /** Whether {@link after} has it all. */
  reaches(offset: number): boolean {
    return offset * this.#unitBytes >= this.#forgottenByte;
  }

  /** What the present session lacks, of which so much audio and so many controls have arrived. */
  after(offset: number, controls: number): UserRequest[] {
    return this.#from(offset * this.#unitBytes, controls - this.#droppedControls);
  }

  get #pointByte(): number {
    return (this.#point?.audioOffset ?? 0) * this.#unitBytes;
  }

  #isSettled({ request, endByte }: Entry): boolean {
    // A control that was sent just there is sent again: it may concern what follows.
    return request.kind === "audio" ? endByte <= this.#pointByte : endByte < this.#pointByte;
  }

  #forgetOldest(): void {
    let count = 0;
    while (this.#keptBytes > this.#mostBytes) {
      const entry = this.#entries[count];
      if (!entry) break;
      count += 1;
      this.#drop(entry);
      this.#forgottenByte = entry.endByte;
    }
    this.#entries.splice(0, count);
  }

  #drop({ request }: Entry): void {
    this.#keptBytes -= sizeOf(request);
    if (request.kind === "audio") return;
    this.#droppedControls += 1;
    if (request.control.updateConfig) this.#config = folded(request.control.updateConfig, this.#config);
  }

  #from(startByte: number, arrivedControls: number): UserRequest[] {
    const requests: UserRequest[] = [];
    let arrived = arrivedControls;
    for (const entry of this.#entries) {
      if (entry.request.kind === "audio") {
        if (entry.endByte > startByte) requests.push(this.#cut(entry.request, startByte - entry.beginByte));
      } else if (arrived > 0) arrived -= 1;
      else requests.push(entry.request);
    }
    return requests;
  }

  #cut(request: AudioRequest, surplus: number): AudioRequest {
    if (surplus <= 0) return request;
    return {
      kind: "audio",
      content: request.content.subarray(surplus),
      offset: request.offset + surplus / this.#unitBytes,
    };
  }
}

/** The config with a change of settings made part of it. */
function folded(update: ConfigUpdate, config: RecognitionConfig): RecognitionConfig {
  return {
    ...config,
    ...(update.hotwords && { hotwords: update.hotwords }),
    ...(update.endpoint && { endpoint: update.endpoint }),
    ...(update.interimResults !== undefined && { interimResults: update.interimResults }),
  };
}
