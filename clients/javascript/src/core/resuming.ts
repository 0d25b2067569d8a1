/** When and how long a stream that lost its server tries to go on. */

import { ServerError, UnreachableError } from "./errors.js";

export interface Resuming {
  /** How long a stream tries to go on, at any server, before it ends with the error it was lost with. Default 30. */
  forS: number;
  /**
   * How long a new stream that is refused with a retry delay (NO_CAPACITY, TENANT_LIMIT, ...) asks again before it
   * ends with the refusal. Default 10.
   */
  refusedForS: number;
  /**
   * Bound on audio kept for another server. PCM: what came since the last final (some 20 s more while words are
   * found). Other formats: all since the start. A stream that needs more can only go on at its own server, while
   * that keeps its session. Default 32 MiB.
   */
  bufferBytes: number;
  /**
   * A connection over which nothing has come for this long, while this much audio that was sent is not acknowledged (or
   * its end was said), is taken for lost: networks go without a word. Only where a server would have said something: PCM with interim results. 0: never.
   * Default 20.
   */
  silenceS: number;
}

const DEFAULTS: Resuming = { forS: 30, refusedForS: 10, bufferBytes: 32 * 1024 * 1024, silenceS: 20 };

/** True: the defaults; false: the first loss ends the stream. */
export const resumingOf = (wish: boolean | Partial<Resuming> | undefined): Resuming | null =>
  wish === false ? null : { ...DEFAULTS, ...(typeof wish === "object" ? wish : {}) };

/** Recoveries in a row that brought nothing new: audio that brings servers down must not go round them all. */
export const MOST_FRUITLESS = 4;

const FIRST_DELAY_S = 0.1;
const LONGEST_DELAY_S = 2;

/** Delays between rounds of attempts, with jitter. */
export class Backoff {
  #delayS = FIRST_DELAY_S;

  /** How long to wait now; at least `leastS`, which a server asked for. */
  nextS(leastS = 0): number {
    const delayS = this.#delayS * (0.5 + Math.random());
    this.#delayS = Math.min(this.#delayS * 2, LONGEST_DELAY_S);
    return Math.max(delayS, leastS * (1 + Math.random() / 4));
  }
}

/** Whether a stream that ended with `error` can go on elsewhere, or here later. */
export const isLoss = (error: ServerError): boolean => error.status === "UNAVAILABLE";

/** Whether no connection was made at all. */
export const isUnreachable = (error: ServerError): boolean => error instanceof UnreachableError && error.neverConnected;

/** Whether another attempt to go on can succeed where this one failed. */
export const mayPass = (error: ServerError): boolean => isLoss(error) || error.status === "RESOURCE_EXHAUSTED";
