/** Collects 100 ms of mono audio as 16-bit samples and posts them with the time of their last sample. */

const PIECE_S = 0.1;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this._piece = new Int16Array(Math.round(sampleRate * PIECE_S));
    this._filled = 0;
    this._stopped = false;
    this.port.onmessage = () => {
      this._post(); // what is left, then null: the end
      this.port.postMessage(null);
      this._stopped = true;
    };
  }

  process([channels]) {
    if (this._stopped) return false;
    const [left] = channels;
    if (!left) return true;
    for (let i = 0; i < left.length; i += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      const sample = Math.max(-1, Math.min(1, sum / channels.length));
      this._piece[this._filled] = Math.round(sample * 32767);
      this._filled += 1;
      if (this._filled === this._piece.length) this._post();
    }
    return true;
  }

  _post() {
    if (this._filled === 0) return;
    const piece = this._piece.slice(0, this._filled);
    this._filled = 0;
    this.port.postMessage(piece, [piece.buffer]);
  }
}

registerProcessor("amira-capture", Capture);
