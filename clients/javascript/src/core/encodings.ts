/** The encodings without a header, with the bytes of one sample. */

import type { AudioEncoding, RecognitionConfig } from "./messages.js";

const SAMPLE_BYTES: Partial<Record<AudioEncoding, number>> = { LINEAR16: 2, FLOAT32: 4, MULAW: 1, ALAW: 1 };

export const isHeaderless = (encoding: AudioEncoding | undefined): boolean =>
  encoding !== undefined && SAMPLE_BYTES[encoding] !== undefined;

/** Bytes of one sample of all channels; 1 for encodings with a header: the unit of AudioChunk.offset. */
export function unitBytes(config: RecognitionConfig): number {
  const sample = config.encoding === undefined ? undefined : SAMPLE_BYTES[config.encoding];
  return sample === undefined ? 1 : sample * (config.channels ?? 1);
}

/** Bytes of one second; undefined where only the server knows. */
export function bytesPerS(config: RecognitionConfig): number | undefined {
  if (!isHeaderless(config.encoding) || !config.sampleRateHz) return undefined;
  return unitBytes(config) * config.sampleRateHz;
}
