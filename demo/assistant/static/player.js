/** Plays answers as they come, can pause at once, and stops at once. */

const AHEAD_S = 0.05; // so that the next piece is there when one ends
const CHIME_S = 0.12;

export class Player {
  /** @param {(number: number) => void} played called when an answer was played to its end */
  constructor(played) {
    this._played = played;
    this._context = null;
    this._sources = new Set();
    this._number = null;
    this._complete = false;
  }

  /** Within a click or a key press, or browsers stay silent. @param {number} rateHz of the answers */
  open(rateHz) {
    this._context ??= new AudioContext({ sampleRate: rateHz });
    if (!this._paused) this._context.resume();
  }

  get playing() {
    return this._number !== null;
  }

  get paused() {
    return Boolean(this._paused);
  }

  begin(number, rateHz) {
    this.stop();
    this.open(rateHz);
    this._number = number;
    this._complete = false;
    this._next = 0;
  }

  /** @param {Int16Array} samples @returns {number | undefined} of the first piece: ms until it sounds */
  add(number, samples) {
    if (number !== this._number) return undefined;
    const context = this._context;
    const buffer = context.createBuffer(1, samples.length, context.sampleRate);
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    const isFirst = this._next === 0;
    this._next = Math.max(this._next, context.currentTime + AHEAD_S);
    source.start(this._next);
    const delayMs = (this._next - context.currentTime + (context.outputLatency || 0)) * 1000;
    this._next += buffer.duration;
    this._sources.add(source);
    source.onended = () => {
      this._sources.delete(source);
      this._endIfOver(number);
    };
    return isFirst ? delayMs : undefined;
  }

  /** No more pieces follow. */
  complete(number) {
    if (number !== this._number) return;
    this._complete = true;
    this._endIfOver(number);
  }

  /** Silence until `resume` or `stop`. */
  pause() {
    this._paused = true;
    this._context?.suspend();
  }

  resume() {
    this._paused = false;
    this._context?.resume();
  }

  stop() {
    this._number = null;
    for (const source of this._sources) {
      source.onended = null;
      source.stop();
      source.disconnect();
    }
    this._sources.clear();
    if (this._paused) this.resume();
  }

  chime() {
    if (!this._context || this.playing) return;
    const { currentTime: now, destination } = this._context;
    const tone = new OscillatorNode(this._context, { frequency: 880 });
    const volume = new GainNode(this._context, { gain: 0 });
    volume.gain.setValueAtTime(0, now);
    volume.gain.linearRampToValueAtTime(0.08, now + 0.02);
    volume.gain.linearRampToValueAtTime(0, now + CHIME_S);
    tone.connect(volume).connect(destination);
    tone.start(now);
    tone.stop(now + CHIME_S);
  }

  _endIfOver(number) {
    if (!this._complete || this._sources.size || number !== this._number) return;
    this._number = null;
    this._played(number);
  }
}
