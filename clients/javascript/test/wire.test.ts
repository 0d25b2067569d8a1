import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "../src/browser/json-codec.js";
import { AccessError, AmiraClientError, ServerError } from "../src/core/errors.js";
import {
  jsonDuration,
  messageDuration,
  readCapabilities,
  readResponse,
  seconds,
  wireConfig,
} from "../src/core/wire.js";

test("a config is written as protobuf's JSON", () => {
  const wire = wireConfig(
    {
      encoding: "LINEAR16",
      sampleRateHz: 16_000,
      interimResults: true,
      hotwords: { phrases: ["a b", { phrase: "c", boost: 2 }], defaultBoost: 1 },
      endpoint: { preset: "SHORT", silenceAfterSpeechS: 0.7 },
      decodingMethod: "BEAM",
    },
    jsonDuration,
  );
  assert.deepEqual(wire, {
    encoding: "AUDIO_ENCODING_LINEAR16",
    sampleRateHz: 16_000,
    interimResults: true,
    hotwords: { phrases: [{ phrase: "a b" }, { phrase: "c", boost: 2 }], defaultBoost: 1 },
    endpoint: { preset: "ENDPOINT_PRESET_SHORT", silenceAfterSpeech: "0.700000000s" },
    decodingMethod: "DECODING_METHOD_BEAM",
  });
});

test("durations are read in both forms", () => {
  assert.equal(seconds("1.280s"), 1.28);
  assert.equal(seconds({ seconds: "1", nanos: 280_000_000 }), 1.28);
  assert.equal(seconds({ nanos: 5_000_000 }), 0.005);
  assert.equal(seconds(undefined), 0);
  assert.deepEqual(messageDuration(1.25), { seconds: 1, nanos: 250_000_000 });
});

test("requests are text, audio is not", () => {
  const content = Uint8Array.of(1, 2);
  assert.equal(encode({ kind: "audio", content, offset: 3 }), content);
  assert.equal(encode({ kind: "control", control: { endOfAudio: {} } }), '{"control":{"endOfAudio":{}}}');
  assert.equal(encode({ kind: "resume", token: "t", lastSequence: 7 }), '{"resume":{"token":"t","lastSequence":"7"}}');
  const opening = encode({
    kind: "opening",
    config: { encoding: "FLAC" },
    resumable: true,
    resumePoint: { audioOffset: 5, wire: { audioOffset: "5", state: "AQ==" } },
  });
  assert.deepEqual(JSON.parse(opening as string), {
    config: { encoding: "AUDIO_ENCODING_FLAC" },
    resumable: true,
    resumePoint: { audioOffset: "5", state: "AQ==" },
  });
});

test("a result is read with what protobuf's JSON leaves out", () => {
  const response = readResponse({
    result: {
      segmentId: 3,
      isFinal: true,
      alternatives: [{ text: "he was", confidence: 0.5, words: [{ text: "he", start: "0.5s", end: "0.75s" }] }],
      audioProcessed: "2.5s",
    },
    sequence: "12",
    receivedOffset: "40000",
    resumePoint: { audioOffset: "32000", state: "AQ==" },
    lag: { audio: "0.1s" },
  });
  assert.equal(response.kind, "result");
  assert.deepEqual(response.result, {
    segmentId: 3,
    isFinal: true,
    text: "he was",
    alternatives: [
      { text: "he was", confidence: 0.5, words: [{ text: "he", startS: 0.5, endS: 0.75, confidence: undefined }] },
    ],
    stability: 0,
    stableWords: 0,
    audioProcessedS: 2.5,
    segmentStartS: 0,
  });
  assert.deepEqual(
    [response.sequence, response.receivedOffset, response.resumePoint?.audioOffset],
    [12, 40_000, 32_000],
  );
  assert.deepEqual(response.lag, { audioS: 0.1, serverLatencyS: undefined });
});

test("other messages are read", () => {
  assert.deepEqual(readResponse({ event: { kind: "KIND_SPEECH_START", offset: "1s" } }).event, {
    kind: "SPEECH_START",
    offsetS: 1,
    segmentId: 0,
  });
  assert.deepEqual(readResponse({ warning: { kind: "KIND_IDLE", timeLeft: "5s" } }).warning, {
    kind: "IDLE",
    timeLeftS: 5,
  });
  assert.deepEqual(readResponse({ draining: {} }).draining, { timeLeftS: 0 });
  assert.deepEqual(readResponse({ mark: { id: "a" } }).mark, { id: "a" });
  assert.equal(readResponse({ sequence: "1", degraded: true }).degraded, true);
  assert.deepEqual(readCapabilities({ encodings: ["AUDIO_ENCODING_FLAC"], limits: { idleTimeout: "60s" } }).encodings, [
    "FLAC",
  ]);
});

test("the last message is how the stream ended", () => {
  assert.deepEqual(decode('{"status":{"code":"OK"}}'), { end: null });
  const refused = decode(
    '{"status":{"code":"RESOURCE_EXHAUSTED","reason":"NO_CAPACITY","message":"full","retryAfterMs":1500}}',
  );
  assert.ok("end" in refused && refused.end instanceof ServerError);
  assert.deepEqual(
    [refused.end.status, refused.end.reason, refused.end.retryAfterS],
    ["RESOURCE_EXHAUSTED", "NO_CAPACITY", 1.5],
  );
  const unknown = decode('{"status":{"code":"UNAUTHENTICATED","message":"who?"}}');
  assert.ok("end" in unknown && unknown.end instanceof AccessError);
  const odd = decode('{"status":{}}');
  assert.ok("end" in odd && odd.end?.status === "UNKNOWN");
});

test("garbage is said to be garbage", () => {
  for (const message of ["", "{", "null", "3", "[]", '"text"', undefined, new ArrayBuffer(4)]) {
    assert.throws(() => decode(message), AmiraClientError);
  }
});

test("fields of wrong kinds do no harm", () => {
  const odd = readResponse({
    result: { alternatives: [1, null, { text: 5, words: "no" }], segmentId: "x", audioProcessed: [] },
    sequence: {},
    lag: 3,
  });
  assert.equal(odd.result?.text, "");
  assert.deepEqual([odd.result.segmentId, odd.sequence], [0, 0]);
});
