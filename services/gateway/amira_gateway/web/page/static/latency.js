/** How long words take, measured in the page: from the moment a sound was heard to the moment its word is shown. */

const LAST = 50;
const KEPT_PIECES = 1200; // two minutes: no word is told later

export class Latency {
  constructor() {
    this._sent = []; // {s, at}: audio up to `s` seconds had been heard `at` ms
    this._partials = [];
    this._finals = [];
  }

  /** @param {number} s audio so far, in seconds, the newest of it heard just now */
  heard(s) {
    this._sent.push({ s, at: performance.now() });
    if (this._sent.length > KEPT_PIECES) this._sent.shift();
  }

  /** Words that are shown for the first time. */
  shown(words) {
    this._note(this._partials, words.map((word) => word.end));
  }

  /** A final whose last word ended at `end` seconds. */
  ended(end) {
    this._note(this._finals, [end]);
  }

  /** Medians in ms, or undefined. */
  get partialMs() {
    return median(this._partials);
  }

  get finalMs() {
    return median(this._finals);
  }

  _note(latencies, times) {
    const now = performance.now();
    for (const time of times) {
      const heardAt = this._heardAt(time);
      if (heardAt === undefined) continue;
      latencies.push(now - heardAt);
      if (latencies.length > LAST) latencies.shift();
    }
  }

  /** When the sound at `s` was heard: pieces come 100 ms at once, the sound within one was earlier than its end. */
  _heardAt(s) {
    if (s === undefined) return undefined;
    const piece = this._sent.findLast((earlier) => earlier.s <= s) ?? this._sent[0];
    return piece && piece.at + (s - piece.s) * 1000;
  }
}

function median(values) {
  if (values.length === 0) return undefined;
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
