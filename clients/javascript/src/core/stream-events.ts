/** What a stream tells those who listen. */

import type { ServerError } from "./errors.js";
import type {
  Draining,
  SessionInfo,
  SpeechEvent,
  StreamingResponse,
  StreamingResult,
  StreamWarning,
} from "./messages.js";

export interface StreamEvents {
  /** A server has taken the stream; once, whichever servers follow. */
  session: SessionInfo;
  /** Words that may still change: they replace the last partial. Where `interimResults` were asked for. */
  partial: StreamingResult;
  /** Words that will not change, and are part of the transcript. */
  final: StreamingResult;
  /** The first word of a segment was heard. */
  speechStart: SpeechEvent;
  /** The segment has ended: whoever spoke has stopped. Its final follows. */
  endpoint: SpeechEvent;
  /** All audio before a mark is decoded. */
  mark: { id: string };
  /** The server will end the stream in a while, for one of its limits. */
  warning: StreamWarning;
  /** The server is about to stop: a stream that can resume goes on elsewhere by itself. */
  draining: Draining;
  /** The server was lost, or refused for now: others, and this one, are tried. Send on: it is kept. */
  reconnecting: { error: ServerError };
  /** The stream goes on, in the same session or at another server from the last resume point. */
  reconnected: { target: string; sameSession: boolean };
  /** Every response, before the event of its kind. */
  response: StreamingResponse;
  /** What ended the stream, if it did not end well; the same as `done` rejects with. */
  error: unknown;
  /** The last event. */
  close: undefined;
}
