/** A server that says nothing to much audio: the network has gone without a word. */

import type { RecognitionConfig } from "./messages.js";
import { bytesPerS } from "./encodings.js";
import type { StreamingRequest } from "./requests.js";

/** Whether a server has something to say every few seconds: partials in speech, resume points in silence. */
const isTalkative = (config: RecognitionConfig): boolean =>
  config.interimResults === true && config.endpoint?.preset !== "OFF" && bytesPerS(config) !== undefined;

export class Silence {
  readonly #limitS: number;
  readonly #bytesPerS: number;
  #unansweredBytes = 0;

  /** `limitS`: seconds of audio sent, and of time, without an answer; 0: for ever. */
  constructor(config: RecognitionConfig, limitS: number) {
    const patienceS =
      2 * Math.max(config.endpoint?.silenceWithoutSpeechS ?? 0, config.endpoint?.silenceAfterSpeechS ?? 0);
    this.#limitS = limitS > 0 && isTalkative(config) ? Math.max(limitS, patienceS) : 0;
    this.#bytesPerS = bytesPerS(config) ?? 1;
  }

  /** The connection took it. */
  sent(request: StreamingRequest): void {
    if (request.kind === "audio") this.#unansweredBytes += request.content.byteLength;
  }

  /** What `answer` gives, or what `lost` throws. */
  async watch<T>(answer: Promise<T>, lost: () => Error): Promise<T> {
    this.#unansweredBytes = 0;
    if (this.#limitS === 0) return answer;
    let timer: ReturnType<typeof setInterval> | undefined;
    const silent = new Promise<never>((_, reject) => {
      timer = setInterval(() => {
        if (this.#unansweredBytes / this.#bytesPerS >= this.#limitS) reject(lost());
      }, this.#limitS * 1000);
    });
    try {
      return await Promise.race([answer, silent]);
    } finally {
      clearInterval(timer);
    }
  }
}
