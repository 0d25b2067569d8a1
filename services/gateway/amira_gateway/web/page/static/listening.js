/**
 * A microphone that is transcribed for as long as nobody says stop: a stream that ends, for whatever reason, is
 * followed by another. Times go on from one to the next, as the clock does.
 */

import { fetchCapabilities, RefusedError } from "./server.js";
import { Microphone, SourceError } from "./sources.js";
import { SpeechStream, StreamError } from "./stream.js";
import { Transcript } from "./transcript.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const SEGMENTS_PER_STREAM = 1_000_000; // ids of one stream's segments stay below the next one's

/** What was asked for and this server does not have, as a language. */
export class WishError extends Error {}

export class Listening {
  /**
   * @param {object} options
   * @param {URL} options.url of `/v1/stream`
   * @param {string} options.key API key, or ""
   * @param {string} options.microphone part of its name, or ""
   * @param {boolean} options.patient nobody is there to mend things: whatever fails at the start is tried again, too
   * @param {(offered: object, rateHz: number) => object} options.config RecognitionConfig as JSON; may throw WishError
   * @param {(segment: object) => void} options.onSegment as in Transcript, with times since the first stream began
   * @param {(state: "opening" | "listening" | "lost", problem: string) => void} options.onState
   */
  constructor(options) {
    this._options = options;
    this._stopped = false;
    this._began = null;
    this._streams = 0;
    this._current = null; // {source, stream}
  }

  /** Settles when it was stopped; rejects where it could not begin at all. */
  async run() {
    let waitMs = FIRST_WAIT_MS;
    while (!this._stopped) {
      try {
        await this._once(() => {
          waitMs = 0; // it works: the next stream may begin at once, lest words be missed
        });
      } catch (error) {
        if (this._stopped) return;
        const mayHeal = this._began !== null || this._options.patient;
        if (!mayHeal || !isExpected(error)) throw error;
        this._options.onState("lost", error.message);
      }
      if (this._stopped) return;
      await this._wait(waitMs);
      waitMs = Math.min(Math.max(waitMs * 2, FIRST_WAIT_MS), LONGEST_WAIT_MS);
    }
  }

  /** Ends it, with the words of what has been said. */
  stop() {
    this._stopped = true;
    this._wake?.();
    this._current?.source.stop();
  }

  /** Ends it at once. */
  abandon() {
    this._stopped = true;
    this._wake?.();
    this._current?.source.stop();
    this._current?.stream.abandon();
  }

  async _once(works) {
    const { url, key, microphone, config, onState } = this._options;
    onState("opening", "");
    const offered = await fetchCapabilities(key);
    config(offered, 16_000); // what cannot be had is said before a microphone is asked for
    const source = await Microphone.open(microphone);
    if (this._stopped) {
      source.stop();
      return;
    }
    const transcript = new Transcript();
    const number = (this._streams += 1);
    const stream = new SpeechStream({
      url,
      key,
      config: config(offered, source.rateHz),
      onMessage: ({ result }) => {
        if (!result) return;
        works();
        this._tell(transcript.take(result).segment, number, baseS);
      },
      onLost: (lost) => onState(lost ? "lost" : "listening", ""),
    });
    this._began ??= performance.now();
    const baseS = (performance.now() - this._began) / 1000;
    this._current = { source, stream };
    onState("listening", "");
    try {
      await Promise.all([source.start((samples) => stream.send(samples), () => stream.end()), stream.ended]);
    } finally {
      this._current = null;
      source.stop();
      stream.abandon();
    }
  }

  _tell(segment, number, baseS) {
    const later = (time) => (time === undefined ? undefined : time + baseS);
    this._options.onSegment({
      ...segment,
      id: number * SEGMENTS_PER_STREAM + segment.id,
      start: segment.start + baseS,
      end: segment.end + baseS,
      words: segment.words.map((word) => ({ ...word, start: later(word.start), end: later(word.end) })),
    });
  }

  _wait(ms) {
    return new Promise((resolve) => {
      this._wake = resolve;
      setTimeout(resolve, ms);
    });
  }
}

/** Whether an error is the world's, not the page's. */
function isExpected(error) {
  return [RefusedError, SourceError, StreamError, WishError].some((kind) => error instanceof kind);
}
