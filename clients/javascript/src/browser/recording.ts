/** Files and bytes as audio that the server takes: as they are, or decoded by the browser. */

import { asItIs, type Audio } from "../core/audio.js";
import { UnreadableAudioError } from "../core/errors.js";
import type { RecognitionConfig } from "../core/messages.js";
import { bytesOf, type Bytes } from "../core/pieces.js";
import { mixed, toInt16 } from "../core/resampler.js";
import { SNIFF_BYTES } from "../core/sniff.js";

/** Read in pieces: a long recording is never in memory as a whole, unless the browser must decode it. */
const READ_BYTES = 64 * 1024;
const DECODED_RATE_HZ = 16_000;

export type Source = Blob | Bytes;

/** Rejects with UnreadableAudioError. `paced`: the pieces must have a known length in time. */
export async function openAudio(source: Source, config: RecognitionConfig, paced: boolean): Promise<Audio> {
  const blob = source instanceof Blob ? source : new Blob([bytesOf(source).slice()]);
  const name = source instanceof File ? `“${source.name}”` : "The audio";
  let head: Uint8Array;
  try {
    head = new Uint8Array(await blob.slice(0, SNIFF_BYTES).arrayBuffer());
  } catch (cause) {
    throw new UnreadableAudioError(`${name} cannot be read: ${String(cause)}`, { cause });
  }
  const audio = asItIs(pieces(blob), head, config, name);
  if (audio && !(paced && audio.bytesPerS === undefined)) return audio;
  return decoded(blob, config, name);
}

async function* pieces(blob: Blob): AsyncGenerator<Bytes> {
  for (let start = 0; start < blob.size; start += READ_BYTES) {
    yield await blob.slice(start, start + READ_BYTES).arrayBuffer();
  }
}

async function decoded(blob: Blob, config: RecognitionConfig, name: string): Promise<Audio> {
  let sound: AudioBuffer;
  try {
    const decoder = new OfflineAudioContext(1, 1, DECODED_RATE_HZ); // decodes to its own rate
    sound = await decoder.decodeAudioData(await blob.arrayBuffer());
  } catch (cause) {
    throw new UnreadableAudioError(`${name} is not audio that this browser can read: try WAV, FLAC, MP3, Ogg or MP4.`, {
      cause,
    });
  }
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
  const { channels: _channels, channel, ...rest } = config;
  const chosen = channel === undefined ? undefined : channels[channel];
  const samples = toInt16(chosen ?? mixed(channels));
  return {
    config: { ...rest, encoding: "LINEAR16", sampleRateHz: DECODED_RATE_HZ },
    bytesPerS: 2 * DECODED_RATE_HZ,
    content: once(samples),
  };
}

// eslint-disable-next-line @typescript-eslint/require-await -- what is sent is read asynchronously
async function* once(samples: Int16Array): AsyncGenerator<Bytes> {
  yield samples;
}
