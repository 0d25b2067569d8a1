/** Files, bytes and streams as audio that the server takes. */

import { createReadStream } from "node:fs";
import { fileURLToPath } from "node:url";
import { asItIs, withHead, type Audio } from "../core/audio.js";
import { UnreadableAudioError } from "../core/errors.js";
import type { RecognitionConfig } from "../core/messages.js";
import { bytesOf, type Bytes } from "../core/pieces.js";

/** A path or a file: URL, bytes, a Blob, or what gives bytes: a Readable, a ReadableStream, any iterable. */
export type Source = string | URL | Bytes | Blob | AsyncIterable<Bytes> | Iterable<Bytes>;

/** Rejects with UnreadableAudioError for what is no audio, or none that a server reads. */
export async function openAudio(source: Source, config: RecognitionConfig): Promise<Audio> {
  const isPath = typeof source === "string" || source instanceof URL;
  const name = isPath ? String(source) : "The audio";
  let head: Uint8Array;
  let content: AsyncIterable<Bytes>;
  try {
    ({ head, content } = await withHead(iterableOf(source)));
  } catch (cause) {
    throw new UnreadableAudioError(`Cannot read ${name}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  const audio = asItIs(content, head, config, name);
  if (audio) return audio;
  throw new UnreadableAudioError(
    `${name} is not audio that servers read (WAV of 16 bits or float, FLAC, Ogg-Opus): convert it, for example with ` +
      "ffmpeg, or name the encoding and rate of headerless PCM in the config.",
  );
}

function iterableOf(source: Source): AsyncIterable<Bytes> | Iterable<Bytes> {
  if (typeof source === "string" || source instanceof URL) {
    return createReadStream(source instanceof URL ? fileURLToPath(source) : source) as AsyncIterable<Buffer>;
  }
  if (source instanceof Blob) return source.stream();
  if (ArrayBuffer.isView(source) || source instanceof ArrayBuffer) return [bytesOf(source)];
  return source as AsyncIterable<Bytes> | Iterable<Bytes>;
}
