/** How long an answer takes, by this page's clock: from the end of the last word to the first sound. */

const KEPT_PIECES = 1200; // two minutes

export class AnswerLatency {
  constructor() {
    this.restart();
  }

  /** The microphone starts again: audio counts from 0. */
  restart() {
    this._pieces = []; // {s, at}: audio up to `s` seconds had been heard `at` ms
    this._endAt = this._finalAt = this._understoodAt = undefined;
  }

  /** @param {number} s audio so far, its newest heard just now */
  heard(s) {
    this._pieces.push({ s, at: performance.now() });
    if (this._pieces.length > KEPT_PIECES) this._pieces.shift();
  }

  final() {
    this._finalAt = performance.now();
  }

  /** @param {number} endS where the last word ended; 0: it was typed @returns {object} ms: {final, intent} */
  understood(endS) {
    const now = performance.now();
    this._endAt = endS > 0 ? this._heardAt(endS) : undefined;
    this._understoodAt = now;
    return { final: difference(this._finalAt, this._endAt), intent: difference(now, this._finalAt) };
  }

  /** @param {number} inMs until the first sound @returns {object} ms: {sound, total} */
  sounds(inMs) {
    const at = performance.now() + inMs;
    const found = { sound: difference(at, this._understoodAt), total: difference(at, this._endAt) };
    this._endAt = this._understoodAt = undefined; // what is announced later answers nothing
    return found;
  }

  /** Pieces come 100 ms at once: the sound within one was earlier than its end. */
  _heardAt(s) {
    const piece = this._pieces.findLast((earlier) => earlier.s <= s) ?? this._pieces[0];
    return piece && piece.at + (s - piece.s) * 1000;
  }
}

const difference = (later, earlier) => (later === undefined || earlier === undefined ? undefined : later - earlier);
