/** Recordings as audio that the server takes, in pieces. */

import { bytesPerS, isHeaderless, unitBytes } from "./encodings.js";
import { UnreadableAudioError } from "./errors.js";
import type { RecognitionConfig } from "./messages.js";
import { bytesOf, inPieces, joined, type Bytes } from "./pieces.js";
import { sniff, SNIFF_BYTES, type Sniffed } from "./sniff.js";
import { nowS, sleep } from "./time.js";

const PIECE_S = 0.1;
const UNPACED_PIECE_BYTES = 16 * 1024;

/** Audio ready to be sent. */
export interface Audio {
  /** The given config, with encoding, rate and channels as the audio has them. */
  config: RecognitionConfig;
  /** Of audio without compression. */
  bytesPerS: number | undefined;
  /** Its bytes, cut anywhere. */
  content: AsyncIterable<Bytes>;
}

/**
 * Audio that goes out as it is: headerless where `config` names such an encoding, else WAV, FLAC or Ogg-Opus.
 * Undefined: none of them; `head`, the first bytes, have been read already and are part of `content`.
 *
 * Throws UnreadableAudioError for headerless audio without a rate, and for a source without a byte.
 */
export function asItIs(
  content: AsyncIterable<Bytes>,
  head: Uint8Array,
  config: RecognitionConfig,
  name: string,
): Audio | undefined {
  if (head.byteLength === 0) throw new UnreadableAudioError(`${name} is empty.`);
  if (isHeaderless(config.encoding)) {
    if (!config.sampleRateHz) throw new UnreadableAudioError(`${name} has no header: set sampleRateHz in the config.`);
    return { config, bytesPerS: bytesPerS(config), content };
  }
  const found: Sniffed | undefined = sniff(head);
  if (!found) return undefined;
  const { sampleRateHz: _rate, channels: _channels, ...rest } = config;
  return { config: { ...rest, encoding: found.encoding }, bytesPerS: found.bytesPerS, content };
}

/** The first bytes of a source, and all of it again. */
export async function withHead(
  source: AsyncIterable<Bytes> | Iterable<Bytes>,
): Promise<{ head: Uint8Array; content: AsyncIterable<Bytes> }> {
  const iterator = iterate(source);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < SNIFF_BYTES) {
    const { value, done } = await iterator.next();
    if (done) break;
    parts.push(bytesOf(value));
    bytes += value.byteLength;
  }
  const head = joined(parts);
  async function* content(): AsyncGenerator<Bytes> {
    yield head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head, content: content() };
}

async function* iterate(source: AsyncIterable<Bytes> | Iterable<Bytes>): AsyncGenerator<Bytes, undefined> {
  yield* source;
}

/**
 * The pieces of some audio, each when its last sample would have been spoken: `factor` 1 is the speed of speech, 2 is
 * twice as fast; undefined: at once. Throws UnreadableAudioError for compressed audio with a factor, and for PCM that
 * ends within a sample.
 */
export async function* paced(
  audio: Audio,
  factor: number | undefined,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (factor === undefined) {
    yield* wholeSamples(audio);
    return;
  }
  if (!(factor > 0)) throw new RangeError(`realTimeFactor must be above 0, not ${String(factor)}`);
  if (!audio.bytesPerS) throw new UnreadableAudioError("Compressed audio cannot be paced: convert it to WAV first.");
  const startS = nowS();
  let spokenBytes = 0;
  for await (const piece of wholeSamples(audio)) {
    spokenBytes += piece.byteLength;
    // Against the start, so that delays do not add up.
    await sleep(startS + spokenBytes / audio.bytesPerS / factor - nowS(), signal);
    signal?.throwIfAborted();
    yield piece;
  }
}

/** In pieces of 0.1 s, or of 16 KiB where that is not known. */
async function* wholeSamples(audio: Audio): AsyncGenerator<Uint8Array> {
  const unit = unitBytes(audio.config);
  const wanted = audio.bytesPerS ? audio.bytesPerS * PIECE_S : UNPACED_PIECE_BYTES;
  const step = Math.max(1, Math.floor(wanted / unit)) * unit;
  let rest = new Uint8Array(0);
  try {
    for await (const part of inPieces(audio.content, unit)) {
      const bytes = rest.byteLength ? joined([rest, part]) : part;
      let at = 0;
      for (; at + step <= bytes.byteLength; at += step) yield bytes.subarray(at, at + step);
      rest = bytes.slice(at);
    }
  } catch (error) {
    if (error instanceof RangeError) throw new UnreadableAudioError(`T${error.message.slice(1)}`);
    throw error;
  }
  if (rest.byteLength) yield rest;
}
