/** What a stream sends, before a transport gives it its form. */

import type { ConfigUpdate, RecognitionConfig, ResumePoint } from "./messages.js";

/** A wish about the stream; exactly one field is set. */
export interface Control {
  keepAlive?: object;
  flush?: object;
  mark?: { id: string };
  updateConfig?: ConfigUpdate;
  endOfAudio?: object;
  abandon?: object;
}

export interface Opening {
  kind: "opening";
  config: RecognitionConfig;
  resumable: boolean;
  resumePoint?: ResumePoint | undefined;
}

export interface Resume {
  kind: "resume";
  token: string;
  lastSequence: number;
}

export interface AudioRequest {
  kind: "audio";
  content: Uint8Array;
  /** Samples per channel since the start of the stream; with FLAC, WAV and OGG_OPUS bytes. */
  offset: number;
}

export interface ControlRequest {
  kind: "control";
  control: Control;
}

/** What the user of a stream sends. */
export type UserRequest = AudioRequest | ControlRequest;
export type StreamingRequest = Opening | Resume | UserRequest;

/** Nominal size of a control, for bounds on what is kept. */
const CONTROL_BYTES = 64;

export const sizeOf = (request: UserRequest): number =>
  request.kind === "audio" ? request.content.byteLength : CONTROL_BYTES;

/** Whether END_OF_AUDIO is among them. */
export const isEnd = (requests: readonly StreamingRequest[]): boolean =>
  requests.some((request) => request.kind === "control" && request.control.endOfAudio !== undefined);
