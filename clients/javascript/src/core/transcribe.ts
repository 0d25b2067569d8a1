/** A whole recording over one stream. */

import { paced, type Audio } from "./audio.js";
import { AmiraClientError } from "./errors.js";
import type { StreamingResponse } from "./messages.js";
import type { RecognitionStream } from "./stream.js";
import type { Transcript } from "./transcript.js";

export interface TranscribeOptions {
  /** Undefined sends as fast as the server takes it; 1 at the speed of speech, 2 twice as fast. */
  realTimeFactor?: number;
  /** Called with every response as it comes. */
  onResponse?: (response: StreamingResponse) => void;
  signal?: AbortSignal;
}

/** Sends `audio` and gathers the finals; the stream is over afterwards, one way or another. */
export async function transcribe(
  stream: RecognitionStream,
  audio: Audio,
  options: TranscribeOptions,
): Promise<Transcript> {
  if (options.onResponse) stream.on("response", options.onResponse);
  const done = stream.done;
  try {
    for await (const piece of paced(audio, options.realTimeFactor, options.signal)) await stream.send(piece);
    await stream.end();
  } catch (error) {
    // What ended the stream is told after everything that came before it.
    if (!(error instanceof AmiraClientError) || !(await isStreams(done, error))) {
      await stream.close(error);
      throw error;
    }
  }
  return done;
}

async function isStreams(done: Promise<Transcript>, error: AmiraClientError): Promise<boolean> {
  const unsettled = Symbol("unsettled");
  const failure = await Promise.race([
    done.then(
      () => unsettled,
      (reason: unknown) => reason,
    ),
    Promise.resolve(unsettled),
  ]);
  return failure === error;
}
