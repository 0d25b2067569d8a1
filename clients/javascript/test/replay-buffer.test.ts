import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplayBuffer } from "../src/core/replay-buffer.js";
import type { Control, UserRequest } from "../src/core/requests.js";

const CONFIG = { encoding: "LINEAR16", sampleRateHz: 16_000 } as const;
const audio = (bytes: number, value = 1): UserRequest => ({
  kind: "audio",
  content: new Uint8Array(bytes).fill(value),
  offset: -1,
});
const control = (one: Control): UserRequest => ({ kind: "control", control: one });
const point = (audioOffset: number): { audioOffset: number; wire: object } => ({ audioOffset, wire: { audioOffset } });

/** Offsets and lengths of audio, names of controls. */
const told = (requests: UserRequest[]): unknown[] =>
  requests.map((request) =>
    request.kind === "audio" ? [request.offset, request.content.byteLength] : Object.keys(request.control)[0],
  );

function filled(mostBytes = 1e6): ReplayBuffer {
  const buffer = new ReplayBuffer(CONFIG, 2, mostBytes);
  for (const one of [audio(100), control({ flush: {} }), audio(100), control({ mark: { id: "a" } }), audio(100)])
    buffer.append(one);
  return buffer;
}

test("audio gets its offset, and all of it comes again", () => {
  assert.deepEqual(told(filled().beginSession()), [[0, 100], "flush", [50, 100], "mark", [100, 100]]);
});

test("a resume point drops what lies before it, and cuts what lies across it", () => {
  const buffer = filled();
  buffer.settle(point(60));
  assert.deepEqual(told(buffer.beginSession()), [[60, 90 - 10], "mark", [100, 100]]);
  assert.equal(buffer.opening().resumePoint?.audioOffset, 60);
});

test("a control that was sent just at the resume point comes again, and a mark until it is echoed", () => {
  const buffer = filled();
  buffer.settle(point(100));
  assert.deepEqual(told(buffer.beginSession()), ["mark", [100, 100]]);
  buffer.settle(point(150));
  assert.deepEqual(told(buffer.beginSession()), ["mark"]);
  buffer.markEchoed();
  assert.deepEqual(told(buffer.beginSession()), []);
});

test("what the same session has is not sent again", () => {
  const buffer = filled();
  assert.deepEqual(told(buffer.after(75, 1)), [[75, 50], "mark", [100, 100]]);
  assert.deepEqual(told(buffer.after(150, 2)), []);
  buffer.settle(point(60)); // the flush is gone, and counted
  assert.deepEqual(told(buffer.after(100, 1)), ["mark", [100, 100]]);
});

test("changed settings become part of the config", () => {
  const buffer = new ReplayBuffer(CONFIG, 2, 1e6);
  buffer.append(audio(100));
  buffer.append(control({ updateConfig: { interimResults: true, hotwords: { phrases: ["a"] } } }));
  buffer.append(audio(100));
  assert.equal(buffer.opening().config.interimResults, undefined);
  buffer.settle(point(100));
  assert.deepEqual(buffer.opening().config, { ...CONFIG, interimResults: true, hotwords: { phrases: ["a"] } });
});

test("keep-alives are not kept", () => {
  const buffer = new ReplayBuffer(CONFIG, 2, 1e6);
  buffer.append(control({ keepAlive: {} }));
  assert.deepEqual(buffer.beginSession(), []);
});

test("beyond the bound the oldest is forgotten: the same session can go on, another only after a new resume point", () => {
  const buffer = filled(300);
  assert.equal(buffer.replayable, false);
  assert.equal(buffer.reaches(0), false);
  assert.equal(buffer.reaches(150), true);
  assert.deepEqual(told(buffer.after(120, 1)), ["mark", [120, 60]]);
  buffer.settle(point(100));
  assert.equal(buffer.replayable, true);
  assert.deepEqual(told(buffer.beginSession()), ["mark", [100, 100]]);
});

test("without a bound nothing is kept", () => {
  const buffer = filled(0);
  assert.equal(buffer.replayable, false);
  assert.equal(buffer.reaches(149), false);
});
