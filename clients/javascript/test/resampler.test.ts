import assert from "node:assert/strict";
import { test } from "node:test";
import { mixed, Resampler, toInt16 } from "../src/core/resampler.js";

const RATES_HZ = [8000, 11025, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000];

const sine = (hz: number, rateHz: number, seconds: number): Float32Array =>
  Float32Array.from(
    { length: Math.round(rateHz * seconds) },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / rateHz),
  );

function resampled(samples: Float32Array, fromHz: number, toHz: number, step = samples.length): Float32Array {
  const resampler = new Resampler(fromHz, toHz);
  const parts: Float32Array[] = [];
  for (let at = 0; at < samples.length; at += step) parts.push(resampler.process(samples.subarray(at, at + step)));
  parts.push(resampler.flush());
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

/** Of the middle: the ends meet silence. */
const middle = (samples: Float32Array): Float32Array => samples.subarray(samples.length / 4, (samples.length * 3) / 4);

const decibels = (ratio: number): number => 20 * Math.log10(ratio);
const rms = (samples: Float32Array): number => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);

for (const fromHz of RATES_HZ) {
  test(`sines of speech keep their height and place from ${String(fromHz)} Hz`, () => {
    for (const hz of [100, 1000, 3000, 7000].filter((one) => one < 0.45 * fromHz)) {
      const out = resampled(sine(hz, fromHz, 0.4), fromHz, 16_000);
      const error = middle(out.map((sample, i) => sample - 0.5 * Math.sin((2 * Math.PI * hz * i) / 16_000)));
      assert.ok(decibels(rms(error) / (0.5 / Math.SQRT2)) < -55, `${String(hz)} Hz: ${String(decibels(rms(error)))}`);
      const gain = decibels(rms(middle(out)) / (0.5 / Math.SQRT2));
      assert.ok(Math.abs(gain) < 0.02, `${String(hz)} Hz: ${String(gain)} dB`);
    }
  });
}

test("what 16 kHz cannot hold is not folded into it", () => {
  for (const fromHz of [44100, 48000, 96000]) {
    for (const hz of [8050, 9000, 12_000, 17_000]) {
      const out = middle(resampled(sine(hz, fromHz, 0.4), fromHz, 16_000));
      assert.ok(
        decibels(rms(out) / (0.5 / Math.SQRT2)) < -75,
        `${String(hz)} Hz of ${String(fromHz)}: ${String(decibels(rms(out)))}`,
      );
    }
  }
});

test("how the audio is cut makes no difference", () => {
  const samples = sine(997, 44100, 0.3);
  const whole = resampled(samples, 44100, 16_000);
  for (const step of [1, 7, 128, 441, 5000]) assert.deepEqual(resampled(samples, 44100, 16_000, step), whole);
});

test("the output is as long as the input", () => {
  for (const fromHz of RATES_HZ) {
    for (const length of [0, 1, 2, 127, 128, 4801]) {
      const out = resampled(new Float32Array(length).fill(0.25), fromHz, 16_000);
      assert.equal(out.length, Math.ceil((length * 16_000) / fromHz), `${String(length)} at ${String(fromHz)} Hz`);
    }
  }
});

test("the same rate changes nothing", () => {
  const samples = sine(440, 16_000, 0.05);
  assert.deepEqual(resampled(samples, 16_000, 16_000, 100), samples);
});

test("a constant stays what it is", () => {
  const out = middle(resampled(new Float32Array(9600).fill(0.25), 48_000, 16_000));
  assert.ok(out.every((sample) => Math.abs(sample - 0.25) < 1e-6));
});

test("rates that are none are refused", () => {
  for (const rate of [0, -1, NaN, Infinity, 10]) assert.throws(() => new Resampler(rate, 16_000), RangeError);
});

test("16-bit samples are rounded and clipped", () => {
  assert.deepEqual(
    [...toInt16(Float32Array.of(0, 1, -1, 2, -2, 0.5, -0.5, 1.6 / 32768))],
    [0, 32767, -32768, 32767, -32768, 16384, -16384, 2],
  );
});

test("channels become one", () => {
  assert.deepEqual([...mixed([Float32Array.of(1, 0), Float32Array.of(0, 0.5)])], [0.5, 0.25]);
  assert.throws(() => mixed([]), RangeError);
});
