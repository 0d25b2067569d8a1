/**
 * Any sample rate to another, piece by piece: a windowed sinc, as many phases as the ratio of the rates has.
 *
 * Flat within 0.01 dB up to 0.9 of the lower rate's half (7.2 kHz for 16 kHz); what would fold is 90 dB down.
 */

/** Zero crossings of the sinc on each side. */
const CROSSINGS = 64;
/** Of the lower rate's half: the cut is where the transition's end is at the half itself. */
const CUT = 0.955;
/** Of the Kaiser window: 95 dB. */
const BETA = 9.6;
const MOST_PHASES = 4096;

export class Resampler {
  readonly #up: number;
  readonly #down: number;
  readonly #half: number;
  readonly #phases: Float32Array[];
  /** Input from sample `#start` on. */
  #held: Float32Array;
  #start: number;
  #input = 0;
  #output = 0;

  /** Rates in Hz. Throws RangeError for what is no rate. */
  constructor(fromHz: number, toHz: number) {
    if (!(fromHz >= 1000 && toHz >= 1000 && fromHz <= 768_000 && toHz <= 768_000)) {
      throw new RangeError(`cannot resample from ${String(fromHz)} to ${String(toHz)} Hz`);
    }
    const [from, to] = coprime(Math.round(fromHz), Math.round(toHz));
    this.#up = to;
    this.#down = from;
    const widening = Math.max(1, from / to);
    this.#half = from === to ? 0 : Math.ceil(CROSSINGS * widening);
    // More phases than this are no better than the nearest of them.
    const count = Math.min(to, MOST_PHASES);
    this.#phases =
      from === to ? [] : Array.from({ length: count }, (_, phase) => taps(phase / count, this.#half, widening));
    this.#start = -this.#half;
    this.#held = new Float32Array(this.#half); // silence before the beginning
  }

  /** What can be said of the samples so far. */
  process(samples: Float32Array): Float32Array {
    if (this.#half === 0) return samples.slice();
    this.#input += samples.length;
    return this.#advance(samples, Math.floor(((this.#input - this.#half - 1) * this.#up) / this.#down) + 1);
  }

  /** The rest: silence follows. The output is as long as the input was, to the next sample. */
  flush(): Float32Array {
    if (this.#half === 0) return new Float32Array(0);
    return this.#advance(new Float32Array(2 * this.#half), Math.ceil((this.#input * this.#up) / this.#down));
  }

  #advance(samples: Float32Array, until: number): Float32Array {
    const input = new Float32Array(this.#held.length + samples.length);
    input.set(this.#held);
    input.set(samples, this.#held.length);
    const output = new Float32Array(Math.max(0, until - this.#output));
    for (let i = 0; i < output.length; i += 1) output[i] = this.#at(this.#output + i, input);
    this.#output += output.length;
    const needed = Math.floor((this.#output * this.#down) / this.#up) - this.#half + 1;
    const done = Math.min(input.length, Math.max(0, needed - this.#start));
    this.#held = input.slice(done);
    this.#start += done;
    return output;
  }

  #at(index: number, input: Float32Array): number {
    const position = index * this.#down;
    const whole = Math.floor(position / this.#up);
    const phase = Math.floor(((position % this.#up) * this.#phases.length) / this.#up);
    const weights = this.#phases[phase] as Float32Array;
    const first = whole - this.#half + 1 - this.#start;
    let sum = 0;
    for (let k = 0; k < weights.length; k += 1) sum += (weights[k] as number) * (input[first + k] as number);
    return sum;
  }
}

/** Weights of the input around a sample that lies `fraction` of an input sample after one. */
function taps(fraction: number, half: number, widening: number): Float32Array {
  const weights = new Float64Array(2 * half);
  let sum = 0;
  for (let k = 0; k < weights.length; k += 1) {
    const distance = (k - half + 1 - fraction) / widening;
    const weight = sinc(distance * CUT) * kaiser(distance / CROSSINGS);
    weights[k] = weight;
    sum += weight;
  }
  return Float32Array.from(weights, (weight) => weight / sum);
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const kaiser = (x: number): number => (Math.abs(x) >= 1 ? 0 : bessel(BETA * Math.sqrt(1 - x * x)) / bessel(BETA));

/** The modified Bessel function of the first kind, order 0. */
function bessel(x: number): number {
  let [term, sum] = [1, 1];
  for (let k = 1; term > 1e-12 * sum; k += 1) {
    term *= (x / 2 / k) ** 2;
    sum += term;
  }
  return sum;
}

function coprime(a: number, b: number): [number, number] {
  let [x, y] = [a, b];
  while (y) [x, y] = [y, x % y];
  return [a / x, b / x];
}

/** 16-bit samples, rounded and clipped. */
export function toInt16(samples: Float32Array): Int16Array<ArrayBuffer> {
  return Int16Array.from(samples, (sample) => Math.round(Math.max(-1, Math.min(32767 / 32768, sample)) * 32768));
}

/** All channels as one. Throws RangeError where there is none. */
export function mixed(channels: readonly Float32Array[]): Float32Array {
  const [first] = channels;
  if (!first) throw new RangeError("audio without a channel");
  if (channels.length === 1) return first;
  return Float32Array.from(
    first,
    (_, i) => channels.reduce((sum, channel) => sum + (channel[i] ?? 0), 0) / channels.length,
  );
}
