/** The audio as peaks, with speech shaded: the last seconds while it runs, all of it afterwards. */

const PEAK_S = 0.02;
const LIVE_S = 15;

export class Waveform {
  constructor(canvas) {
    this._canvas = canvas;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.clear(16_000);
  }

  /** @param {number} rateHz of the samples that follow */
  clear(rateHz) {
    this._perPeak = Math.round(rateHz * PEAK_S);
    this._peaks = [];
    this._peak = 0;
    this._count = 0;
    this._live = true;
    this._segments = [];
    this.draw();
  }

  /** @param {Int16Array} samples */
  add(samples) {
    for (const sample of samples) {
      this._peak = Math.max(this._peak, Math.abs(sample));
      this._count += 1;
      if (this._count === this._perPeak) {
        this._peaks.push(this._peak / 32768);
        this._peak = 0;
        this._count = 0;
      }
    }
    this._later();
  }

  /** @param {{start: number, end: number}[]} segments in seconds */
  segments(segments) {
    this._segments = segments;
    this._later();
  }

  /** No more audio: show all of it. */
  end() {
    this._live = false;
    this.draw();
  }

  _later() {
    this._due ??= requestAnimationFrame(() => {
      this._due = undefined;
      this.draw();
    });
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this._canvas;
    if (!width) return;
    const scale = devicePixelRatio;
    this._canvas.width = width * scale;
    this._canvas.height = height * scale;
    const pen = this._canvas.getContext("2d");
    pen.scale(scale, scale);
    const total = this._peaks.length * PEAK_S;
    const view = this._live || total < 1 ? LIVE_S : total;
    const from = this._live ? Math.max(0, total - view) : 0;
    const x = (s) => ((s - from) / view) * width;
    const style = getComputedStyle(this._canvas);
    this._shade(pen, x, height, style);
    this._bars(pen, { x, from, view, width, height }, style);
  }

  _shade(pen, x, height, style) {
    pen.fillStyle = resolved(style, "--speech");
    for (const { start, end } of this._segments) pen.fillRect(x(start), 0, Math.max(1, x(end) - x(start)), height);
  }

  _bars(pen, { x, from, view, width, height }, style) {
    pen.fillStyle = resolved(style, "--accent");
    const middle = height / 2;
    const columns = Math.min(Math.floor(width / 3), Math.ceil(view / PEAK_S));
    for (let column = 0; column < columns; column += 1) {
      const first = Math.floor((from + (column / columns) * view) / PEAK_S);
      if (first >= this._peaks.length) break;
      const last = Math.max(first + 1, Math.floor((from + ((column + 1) / columns) * view) / PEAK_S));
      const peak = Math.max(...this._peaks.slice(first, last), 0.004);
      const half = Math.sqrt(peak) * (middle - 4); // quiet speech is to be seen, too
      pen.fillRect(x(first * PEAK_S), middle - half, 2, half * 2);
    }
  }
}

/** Canvases do not know light-dark(): the computed colour of an element does. */
function resolved(style, name) {
  const probe = document.createElement("i");
  document.body.append(probe);
  probe.style.color = style.getPropertyValue(name);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}
