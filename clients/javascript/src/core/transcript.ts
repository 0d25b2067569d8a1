/** What a stream came to. */

import type { SessionInfo, StreamingResult } from "./messages.js";

export interface Transcript {
  /** The best reading of each final, joined with one space. */
  text: string;
  /** One final result per segment, in order. */
  finals: StreamingResult[];
  /** Who recognized it; quote its `sessionId` in reports. Undefined if no server has said. */
  session: SessionInfo | undefined;
  /** From the end of the audio being sent to the last final, in seconds; undefined where nothing was streamed. */
  waitAfterAudioS: number | undefined;
}

export const textOf = (finals: readonly StreamingResult[]): string =>
  finals
    .map((final) => final.text)
    .filter(Boolean)
    .join(" ");
