/**
 * Somebody speaks while an answer plays: it pauses at once, by loudness alone. The recognizer then decides. It takes
 * most of a second for the first word; if none comes, it was a noise, or the answer's own echo, and the answer goes on.
 */

const LEAST_DB = -48;
const FIRST_MARGIN_DB = 14;
const MORE_MARGIN_DB = 5; // after each pause for nothing
const MOST_MARGIN_DB = 40;
const FLOOR_RISE_DB = 0.3; // per piece of 100 ms
const WAIT_MS = 1600;

export class Interruption {
  /** @param {import("./player.js").Player} player @param {(paused: boolean) => void} changed */
  constructor(player, changed) {
    this._player = player;
    this._changed = changed;
    this._floorDb = -60;
    this._marginDb = FIRST_MARGIN_DB;
    this._timer = undefined;
    this._since = undefined;
  }

  /** What the microphone heard, 100 ms of it. */
  hear(samples) {
    const db = loudness(samples);
    const loud = db > Math.max(LEAST_DB, this._floorDb + this._marginDb);
    this._floorDb = db < this._floorDb ? db : this._floorDb + (loud ? 0 : FLOOR_RISE_DB);
    if (!loud || !this._player.playing || this._player.paused) return;
    this._since = performance.now() - (samples.length ? 100 : 0); // it began within this piece
    this._player.pause();
    this._silentAt = performance.now();
    this._changed(true);
    this._timer = setTimeout(() => this._goOn(), WAIT_MS);
  }

  /** The recognizer says so, too. @returns {number | undefined} ms from the sound to the silence */
  confirmed() {
    clearTimeout(this._timer);
    const since = this._since;
    this._since = undefined;
    return since === undefined ? undefined : this._silentAt - since;
  }

  _goOn() {
    this._since = undefined;
    this._marginDb = Math.min(this._marginDb + MORE_MARGIN_DB, MOST_MARGIN_DB);
    this._player.resume();
    this._changed(false);
  }
}

function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / Math.max(1, samples.length) / 32768 ** 2 + 1e-10);
}
