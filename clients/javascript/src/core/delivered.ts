/** What the user has got already: a server that goes on for another one says some of it again. */

import type { SpeechEvent, StreamingResponse, StreamingResult } from "./messages.js";

/** Tells responses that are new from those that a replay repeats. Marks are not looked at: echoed ones are not sent again. */
export class Delivered {
  #replays = false;
  #finals = 0;
  #events = new Set<string>();
  #interimS = -1;
  #repeatedToS = -1;

  /** A new session begins at the last resume point. */
  rewind(): void {
    this.#replays = true;
    this.#repeatedToS = this.#interimS;
  }

  /** Whether the user has yet to see this; they are taken to have seen it from now on. */
  isNew({ event, result }: StreamingResponse): boolean {
    let isNew = true;
    if (event) isNew = this.#isNewEvent(event);
    else if (result?.isFinal) isNew = this.#isNewFinal(result.segmentId);
    else if (result) isNew = this.#isNewInterim(result);
    return isNew || !this.#replays;
  }

  #isNewEvent({ segmentId, kind }: SpeechEvent): boolean {
    const key = `${String(segmentId)} ${kind}`;
    if (segmentId < this.#finals || this.#events.has(key)) return false;
    this.#events.add(key);
    return true;
  }

  #isNewFinal(segmentId: number): boolean {
    if (segmentId < this.#finals) return false;
    this.#finals = segmentId + 1;
    this.#events = new Set([...this.#events].filter((key) => Number.parseInt(key, 10) >= this.#finals));
    return true;
  }

  #isNewInterim({ segmentId, audioProcessedS }: StreamingResult): boolean {
    if (segmentId < this.#finals || audioProcessedS <= this.#repeatedToS) return false;
    this.#interimS = Math.max(this.#interimS, audioProcessedS);
    return true;
  }
}
