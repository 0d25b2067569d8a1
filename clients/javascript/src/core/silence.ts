/** A server that says nothing to much audio: the network has gone without a word. */

import type { RecognitionConfig } from "./messages.js";
import { bytesPerS, unitBytes } from "./encodings.js";
import { isEnd, type StreamingRequest } from "./requests.js";

/** Whether a server has something to say every few seconds: partials in speech, resume points in silence. */
const isTalkative = (config: RecognitionConfig): boolean =>
  config.interimResults === true && config.endpoint?.preset !== "OFF" && bytesPerS(config) !== undefined;

export class Silence {
  readonly #limitS: number;
  readonly #bytesPerS: number;
  readonly #unitBytes: number;
  #sentBytes = 0;
  #receivedBytes = 0;
  #ended = false;

  /** `limitS`: seconds of audio that nobody says to have, and of time without an answer; 0: for ever. */
  constructor(config: RecognitionConfig, limitS: number) {
    const { silenceWithoutSpeechS = 0, silenceAfterSpeechS = 0 } = config.endpoint ?? {};
    const patienceS = 2 * Math.max(silenceWithoutSpeechS, silenceAfterSpeechS);
    this.#limitS = limitS > 0 && isTalkative(config) ? Math.max(limitS, patienceS) : 0;
    this.#bytesPerS = bytesPerS(config) ?? 1;
    this.#unitBytes = unitBytes(config);
  }

  /** The connection took it. */
  sent(request: StreamingRequest): void {
    if (request.kind === "audio") this.#sentBytes = request.offset * this.#unitBytes + request.content.byteLength;
    else this.#ended ||= isEnd([request]);
  }

  /** The server has audio before this offset. */
  received(offset: number): void {
    this.#receivedBytes = Math.max(this.#receivedBytes, offset * this.#unitBytes);
  }

  /** What `answer` gives, or what `lost` throws. */
  async watch<T>(answer: Promise<T>, lost: () => Error): Promise<T> {
    if (this.#limitS === 0) return answer;
    let timer: ReturnType<typeof setInterval> | undefined;
    const silent = new Promise<never>((_, reject) => {
      timer = setInterval(() => {
        const missingS = (this.#sentBytes - this.#receivedBytes) / this.#bytesPerS;
        if (this.#ended || missingS >= this.#limitS) reject(lost());
      }, this.#limitS * 1000);
    });
    try {
      return await Promise.race([answer, silent]);
    } finally {
      clearInterval(timer);
    }
  }
}
