/**
 * Recognizes nothing, and says exactly which audio it got: a segment is 0.1 s, its words name it and sum up its bytes.
 * So a transcript is right only if no byte was lost or doubled, whatever happened to the connections.
 *
 * Messages are protobuf's JSON, with durations and bytes as in it.
 */

export const RATE_HZ = 16_000;
export const SEGMENT_BYTES = 3200;

export type Message = Record<string, unknown>;

/** What some audio must come to. */
export function wordsOf(pcm: Uint8Array): string[] {
  const words = [];
  for (let start = 0; start < pcm.byteLength; start += SEGMENT_BYTES)
    words.push(word(pcm.subarray(start, start + SEGMENT_BYTES), start));
  return words;
}

const word = (bytes: Uint8Array, start: number): string =>
  `s${String(start / SEGMENT_BYTES)}:${String(bytes.reduce((sum, byte, i) => (sum * 31 + byte + i) >>> 0, 7))}`;

/** Audio in which every place is different. */
export const pcmOf = (seconds: number): Uint8Array =>
  Uint8Array.from(
    { length: Math.round(seconds * RATE_HZ) * 2 },
    (_, i) => (i * 7 + (i >> 8) * 13 + (i >> 16) * 5) & 255,
  );

/** One session, which may outlive its connection. */
export class Session {
  readonly token = `token-${Math.random().toString(36).slice(2)}`;
  readonly log: Message[] = [];
  readonly updates: unknown[] = [];
  readonly begunAtByte: number;
  #audio = new Uint8Array(0);
  #from: number;
  #segmentFrom: number;
  #controls = 0;
  #begun = -1;
  ended = false;

  constructor(
    readonly config: Message,
    resumePoint: Message | undefined,
    readonly resumable: boolean,
  ) {
    const segment = resumePoint ? Number(Buffer.from(resumePoint["state"] as string, "base64").toString()) : 0;
    this.begunAtByte = this.#from = 2 * Number(resumePoint?.["audioOffset"] ?? 0);
    this.#segmentFrom = segment * SEGMENT_BYTES;
    this.#say({ session: this.#info() });
  }

  /** The answer to Resume, and what was missed. */
  resumed(lastSequence: number): Message[] {
    const resumeOffset = String(this.#endByte / 2);
    const first = {
      session: { ...this.#info(), resumeOffset, resumeControls: String(this.#controls) },
      sequence: String(lastSequence),
    };
    return [first, ...this.log.slice(lastSequence)];
  }

  audio(content: Uint8Array, offset?: number): void {
    if (offset !== undefined && offset * 2 !== this.#endByte)
      throw new Error(`AUDIO_OFFSET_MISMATCH ${String(offset)}`);
    const done = Math.min(this.#audio.byteLength, Math.max(0, this.#segmentFrom - this.#from));
    this.#from += done; // its words have been told
    this.#audio = new Uint8Array(Buffer.concat([this.#audio.subarray(done), content]));
    for (let end = this.#segmentFrom + SEGMENT_BYTES; end <= this.#endByte; end = this.#segmentFrom + SEGMENT_BYTES)
      this.#segment(end);
    if (this.#endByte >= this.#segmentFrom + SEGMENT_BYTES / 2) this.#partial(this.#segmentFrom + SEGMENT_BYTES / 2);
  }

  control(control: Message): void {
    if (control["keepAlive"]) return;
    this.#controls += 1;
    if (control["mark"]) this.#say({ mark: control["mark"] });
    if (control["updateConfig"]) this.updates.push({ atByte: this.#endByte, ...control["updateConfig"] });
    if (control["endOfAudio"]) {
      if (this.#endByte > this.#segmentFrom) this.#segment(this.#endByte);
      this.ended = true;
    }
  }

  /** What has been said since `sequence`. */
  since(sequence: number): Message[] {
    return this.log.slice(sequence);
  }

  get #endByte(): number {
    return this.#from + this.#audio.byteLength;
  }

  #info(): Message {
    return {
      sessionId: "s-1",
      model: "scripted",
      chunkDuration: "0.320s",
      ...(this.resumable && { resumeToken: this.token, resumeWindow: "10.000s" }),
    };
  }

  #segment(endByte: number): void {
    const segmentId = this.#segmentFrom / SEGMENT_BYTES;
    this.#partial(endByte);
    this.#say({ event: { kind: "KIND_SPEECH_END", offset: at(endByte), segmentId } });
    const text = word(this.#audio.slice(this.#segmentFrom - this.#from, endByte - this.#from), this.#segmentFrom);
    const result = { segmentId, isFinal: true, alternatives: [{ text }], stability: 1, audioProcessed: at(endByte) };
    // As real servers do: audio is wanted again from somewhat before the next segment.
    const audioOffset = String(Math.max(0, this.#segmentFrom) / 2);
    this.#say({ result, resumePoint: { audioOffset, state: Buffer.from(String(segmentId + 1)).toString("base64") } });
    this.#segmentFrom = endByte;
  }

  #partial(endByte: number): void {
    const segmentId = Math.floor(this.#segmentFrom / SEGMENT_BYTES);
    const begun = this.#begun === segmentId;
    this.#begun = segmentId;
    if (!begun) this.#say({ event: { kind: "KIND_SPEECH_START", offset: at(this.#segmentFrom), segmentId } });
    this.#say({
      result: { segmentId, alternatives: [{ text: `${String(endByte)} bytes` }], audioProcessed: at(endByte) },
    });
  }

  #say(content: Message): void {
    this.log.push({ ...content, sequence: String(this.log.length + 1), receivedOffset: String(this.#endByte / 2) });
  }
}

const at = (byte: number): string => `${(byte / 2 / RATE_HZ).toFixed(9)}s`;
