/** What both entries export. */

export {
  AccessError,
  AmiraClientError,
  ServerError,
  StreamStateError,
  UnreachableError,
  UnreadableAudioError,
  type ErrorFields,
  type StatusName,
} from "./errors.js";
export type * from "./messages.js";
export type { Bytes } from "./pieces.js";
export { mixed, Resampler, toInt16 } from "./resampler.js";
export type { Resuming } from "./resuming.js";
export { RecognitionStream } from "./stream.js";
export type { StreamEvents } from "./stream-events.js";
export type { TranscribeOptions } from "./transcribe.js";
export type { Transcript } from "./transcript.js";
