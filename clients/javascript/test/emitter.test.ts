import assert from "node:assert/strict";
import { test } from "node:test";
import { Emitter } from "../src/core/emitter.js";

class Counter extends Emitter<{ count: number; end: undefined }> {
  count(value: number): void {
    this.emit("count", value);
  }
}

test("listeners come and go", () => {
  const counter = new Counter();
  const heard: string[] = [];
  const off = counter.on("count", (value) => heard.push(`a${String(value)}`));
  counter.once("count", (value) => heard.push(`b${String(value)}`));
  const third = (value: number): void => void heard.push(`c${String(value)}`);
  counter.on("count", third);
  counter.count(1);
  counter.off("count", third);
  counter.count(2);
  off();
  counter.count(3);
  assert.deepEqual(heard, ["a1", "b1", "c1", "a2"]);
});

test("a listener that throws harms nobody else, and is heard of", (t) => {
  const later: (() => void)[] = [];
  t.mock.method(globalThis, "queueMicrotask", (work: () => void) => later.push(work));
  const counter = new Counter();
  const heard: number[] = [];
  counter.on("count", () => {
    throw new Error("mine");
  });
  counter.on("count", (value) => heard.push(value));
  counter.count(1);
  assert.deepEqual(heard, [1]);
  assert.throws(() => later[0]?.(), /mine/);
});
