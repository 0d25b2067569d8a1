/** On the audio thread: what the microphone hears, as 16-bit samples of one channel at the wanted rate. */

import { mixed, Resampler, toInt16 } from "../core/resampler.js";

/** What the page wants; given with the node's options. */
export interface CaptureOptions {
  rateHz: number;
  pieceS: number;
}

/** What the page is posted: samples with their level, then null, the end. */
export type Captured = { samples: Int16Array<ArrayBuffer>; level: number } | null;

// TypeScript's libraries do not know the scope of worklets.
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(
  name: string,
  processor: new (node: { processorOptions: CaptureOptions }) => object,
): void;

class Capture extends AudioWorkletProcessor {
  readonly #resampler: Resampler;
  readonly #pieceSamples: number;
  #parts: Float32Array[] = [];
  #held = 0;
  #stopped = false;

  constructor({ processorOptions: { rateHz, pieceS } }: { processorOptions: CaptureOptions }) {
    super();
    this.#resampler = new Resampler(sampleRate, rateHz);
    this.#pieceSamples = Math.round(rateHz * pieceS);
    this.port.onmessage = () => {
      if (this.#stopped) return;
      this.#stopped = true;
      this.#hold(this.#resampler.flush());
      this.#post();
      this.port.postMessage(null satisfies Captured);
    };
  }

  process([channels]: Float32Array[][]): boolean {
    if (this.#stopped) return false;
    if (!channels?.length) return true;
    this.#hold(this.#resampler.process(mixed(channels)));
    if (this.#held >= this.#pieceSamples) this.#post();
    return true;
  }

  #hold(samples: Float32Array): void {
    this.#parts.push(samples);
    this.#held += samples.length;
  }

  #post(): void {
    if (this.#held === 0) return;
    const piece = new Float32Array(this.#held);
    let at = 0;
    for (const part of this.#parts) {
      piece.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#held = 0;
    const samples = toInt16(piece);
    const level = Math.sqrt(piece.reduce((sum, sample) => sum + sample * sample, 0) / piece.length);
    this.port.postMessage({ samples, level } satisfies Captured, [samples.buffer]);
  }
}

registerProcessor("amira-capture", Capture);
