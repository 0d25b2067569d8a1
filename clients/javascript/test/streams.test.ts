/** Streams over both transports, with servers that are lost in every way: not a word is lost or comes twice. */

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { AmiraClientError, ServerError, StreamStateError, UnreachableError } from "../src/core/errors.js";
import type { StreamingResponse } from "../src/core/messages.js";
import type { RecognitionStream } from "../src/core/stream.js";
import { pcmOf, wordsOf } from "./support/scripted-speech.js";
import { CONFIG, Held, sendAll, TRANSPORTS } from "./support/transports.js";

const PCM = pcmOf(1.05);
const WORDS = wordsOf(PCM);
const UNAVAILABLE = { code: "UNAVAILABLE", reason: "DECODER_LOST", message: "gone" };
const FULL = { code: "RESOURCE_EXHAUSTED", reason: "NO_CAPACITY", message: "full", retryAfterMs: 150 };
const WRONG = { code: "INVALID_ARGUMENT", reason: "BAD_SAMPLE_RATE", message: "no such rate" };

/** Names of the events of a stream, as they come. */
function listening(stream: RecognitionStream): string[] {
  const heard: string[] = [];
  for (const name of [
    "session",
    "partial",
    "final",
    "speechStart",
    "endpoint",
    "mark",
    "warning",
    "draining",
    "reconnecting",
    "reconnected",
    "error",
    "close",
  ] as const) {
    stream.on(name, () => heard.push(name));
  }
  return heard;
}

const failureOf = (stream: RecognitionStream): Promise<AmiraClientError> =>
  stream.done.then(
    () => assert.fail("it went well"),
    (error: unknown) => error as AmiraClientError,
  );

for (const transport of TRANSPORTS) {
  describe(transport.name, () => {
    const held = new Held();
    afterEach(() => held.end());

    /** What a stream of PCM comes to with these servers. */
    async function transcribed(
      addresses: string[],
    ): Promise<{ words: string[]; heard: string[]; stream: RecognitionStream }> {
      const stream = held.client(transport, addresses).stream(CONFIG);
      const heard = listening(stream);
      await sendAll(stream, PCM);
      const { text } = await stream.done;
      return { words: text.split(" "), heard, stream };
    }

    test("a stream that nothing happens to", async () => {
      const server = await held.server(transport);
      const { words, heard, stream } = await transcribed([server.address]);
      assert.deepEqual(words, WORDS);
      assert.equal(heard[0], "session");
      assert.deepEqual(heard.slice(-3), ["endpoint", "final", "close"]);
      assert.equal(heard.filter((name) => name === "speechStart").length, WORDS.length);
      assert.equal(heard.filter((name) => name === "final").length, WORDS.length);
      assert.ok(heard.includes("partial"));
      assert.ok(!heard.includes("reconnecting"));
      assert.equal(stream.session?.model, "scripted");
      assert.equal(server.openings.length, 1);
      assert.equal(stream.unacknowledgedS, 0);
    });

    test("a cut connection: the session is resumed", async () => {
      const server = await held.server(transport, { cutAfterBytes: 12_000 }, { cutAfterBytes: 5000 }, {});
      const { words, heard } = await transcribed([server.address]);
      assert.deepEqual(words, WORDS);
      assert.equal(server.sessions.length, 1);
      assert.deepEqual(
        server.openings.map((opening) => "resume" in opening),
        [false, true, true],
      );
      assert.equal(heard.filter((name) => name === "reconnected").length, 2);
      assert.equal(heard.filter((name) => name === "session").length, 1);
      assert.equal(heard.filter((name) => name === "final").length, WORDS.length);
      assert.equal(heard.filter((name) => name === "speechStart").length, WORDS.length);
    });

    test("a session that was not kept: another begins at the last resume point", async () => {
      const server = await held.server(transport, { cutAfterBytes: 20_000 }, {});
      server.keeps = false;
      const { words, heard } = await transcribed([server.address]);
      assert.deepEqual(words, WORDS);
      assert.equal(server.sessions.length, 2);
      assert.ok((server.sessions[1]?.begunAtByte ?? 0) > 0);
      assert.equal(heard.filter((name) => name === "endpoint").length, WORDS.length);
    });

    test("a server that dies: another goes on", async () => {
      const first = await held.server(
        transport,
        { cutAfterBytes: 17_000 },
        { refuse: { ...UNAVAILABLE, reason: "DRAINING" } },
      );
      const second = await held.server(transport);
      const { words } = await transcribed([first.address, second.address]);
      assert.deepEqual(words, WORDS);
      assert.equal(second.sessions.length, 1);
    });

    test("a process that is gone: another goes on", async () => {
      const [first, second] = [await held.server(transport), await held.server(transport)];
      const stream = held.client(transport, [first.address, second.address]).stream(CONFIG);
      stream.once("final", () => void first.kill());
      await sendAll(stream, PCM.subarray(0, 16_000).slice()).catch(() => undefined);
      assert.deepEqual((await stream.done).text.split(" "), wordsOf(PCM.subarray(0, 16_000)));
    });

    test("a service that is lost behind the gateway", async () => {
      const server = await held.server(transport, { endAfterBytes: { bytes: 9000, status: UNAVAILABLE } }, {});
      assert.deepEqual((await transcribed([server.address])).words, WORDS);
    });

    test("a server that drains is left for another while it still serves", async () => {
      const [first, second] = [await held.server(transport, { drainAfterBytes: 8000 }), await held.server(transport)];
      const stream = held.client(transport, [first.address, second.address]).stream(CONFIG);
      const heard = listening(stream);
      const moved = new Promise((resolve) => stream.once("reconnected", resolve));
      await stream.send(PCM.slice(0, 16_000));
      await moved;
      await sendAll(stream, PCM.slice(16_000));
      assert.deepEqual((await stream.done).text.split(" "), WORDS);
      assert.equal(second.sessions.length, 1);
      assert.equal(first.abandoned, 1);
      assert.ok(heard.includes("draining"));
      assert.ok(!heard.includes("reconnecting"));
    });

    test("controls are neither lost nor doubled by a cut", async () => {
      for (const keeps of [true, false]) {
        const server = await held.server(transport, { cutAfterBytes: 14_000 }, { cutAfterBytes: 9000 }, {});
        server.keeps = keeps;
        const stream = held.client(transport, [server.address]).stream(CONFIG);
        const marks: string[] = [];
        stream.on("mark", ({ id }) => marks.push(id));
        for (let i = 0; i < 10; i += 1) {
          await stream.send(PCM.slice(i * 3200, (i + 1) * 3200));
          await stream.mark(`m${String(i)}`);
          if (i === 1) await stream.updateConfig({ hotwords: { phrases: ["cold hearted"] } });
        }
        await stream.end();
        assert.deepEqual((await stream.done).text.split(" "), wordsOf(PCM.slice(0, 32_000)));
        assert.deepEqual(
          marks,
          Array.from({ length: 10 }, (_, i) => `m${String(i)}`),
        );
        // Settings changed before the resume point are part of the new session's config.
        const last = server.sessions.at(-1);
        const hotwords = (last?.config["hotwords"] as { phrases: object[] } | undefined)?.phrases ?? last?.updates;
        assert.equal(hotwords?.length, 1);
        await held.end();
      }
    });

    test("without resuming the first loss ends the stream, after what came before it", async () => {
      const server = await held.server(transport, { cutAfterBytes: 8000 });
      const stream = held.client(transport, [server.address], false).stream(CONFIG);
      const finals: string[] = [];
      stream.on("final", ({ text }) => finals.push(text));
      await sendAll(stream, PCM).catch(() => undefined);
      const error = await failureOf(stream);
      assert.ok(error instanceof UnreachableError);
      assert.deepEqual(finals, WORDS.slice(0, finals.length)); // a cut takes what was on its way
      assert.equal(server.openings[0]?.["resumable"] ?? false, false);
    });

    test("audio that brings every server down does not go round for ever", async () => {
      const server = await held.server(transport, { endAfterBytes: { bytes: 1000, status: UNAVAILABLE } });
      server.keeps = false;
      const stream = held.client(transport, [server.address]).stream(CONFIG);
      await sendAll(stream, PCM.slice(0, 3000)).catch(() => undefined);
      assert.equal((await failureOf(stream)).reason, "DECODER_LOST");
      assert.ok(server.connections <= 6, String(server.connections));
    });

    test("a refusal is told at once, with its reason", async () => {
      const server = await held.server(transport, { refuse: WRONG });
      const stream = held.client(transport, [server.address]).stream(CONFIG);
      const error = await failureOf(stream);
      assert.ok(error instanceof ServerError);
      assert.deepEqual(
        [error.status, error.reason, error.message],
        ["INVALID_ARGUMENT", "BAD_SAMPLE_RATE", "no such rate"],
      );
      await assert.rejects(stream.send(new Uint8Array(2)), (raised) => raised === error);
      assert.equal(server.connections, 1);
    });

    test("a server that is full is asked again when it said, another at once", async () => {
      const server = await held.server(transport, { refuse: FULL }, { refuse: FULL }, {});
      const beganMs = performance.now();
      assert.deepEqual((await transcribed([server.address])).words, WORDS);
      assert.ok(performance.now() - beganMs >= 2 * 150, "it was not given the time it asked for");
      assert.equal(server.connections, 3);
      const [full, free] = [
        await held.server(transport, { refuse: { ...FULL, retryAfterMs: 60_000 } }),
        await held.server(transport),
      ];
      assert.deepEqual((await transcribed([full.address, free.address])).words, WORDS);
    });

    test("a server that stays full ends the stream with its refusal", async () => {
      const server = await held.server(transport, { refuse: FULL });
      const stream = held.client(transport, [server.address], { refusedForS: 0.5 }).stream(CONFIG);
      const error = await failureOf(stream);
      assert.deepEqual([error.reason, error.retryAfterS], ["NO_CAPACITY", 0.15]);
      assert.ok(server.connections > 1);
    });

    test("nobody is there", async () => {
      const server = await held.server(transport);
      await server.kill();
      const stream = held.client(transport, [server.address]).stream(CONFIG);
      const error = await failureOf(stream);
      assert.ok(error instanceof UnreachableError);
      assert.match(error.message, /answers at/);
      const other = await held.server(transport);
      const found = held.client(transport, [server.address, other.address]).stream(CONFIG);
      await sendAll(found, PCM);
      assert.deepEqual((await found.done).text.split(" "), WORDS);
    });

    test("a server that does not come back: the loss, after the time that was set", async () => {
      const server = await held.server(transport);
      const stream = held.client(transport, [server.address], { forS: 0.6 }).stream(CONFIG);
      const heard = listening(stream);
      await stream.send(PCM.slice(0, 6400));
      while (!heard.includes("final")) await new Promise((resolve) => setTimeout(resolve, 5));
      await server.kill();
      assert.ok((await failureOf(stream)) instanceof UnreachableError);
      assert.deepEqual(heard.slice(-3), ["reconnecting", "error", "close"]);
    });

    test("a stream that is given up is said to be, and nothing is kept for it", async () => {
      const server = await held.server(transport);
      const stream = held.client(transport, [server.address]).stream(CONFIG);
      await new Promise<unknown>((resolve) => stream.once("session", resolve));
      await stream.send(PCM.slice(0, 640));
      await stream.close();
      await stream.close();
      assert.equal(server.abandoned, 1);
      assert.ok((await failureOf(stream)) instanceof StreamStateError);
      await assert.rejects(stream.send(new Uint8Array(2)), StreamStateError);
      await assert.rejects(stream.flush(), StreamStateError);
    });

    test("an abort signal gives the stream up, with its own reason", async () => {
      const server = await held.server(transport);
      const abort = new AbortController();
      const stream = held.client(transport, [server.address]).stream(CONFIG, { signal: abort.signal });
      await new Promise<unknown>((resolve) => stream.once("session", resolve));
      const reason = new Error("enough");
      abort.abort(reason);
      assert.equal(await failureOf(stream), reason);
      const late = held.client(transport, [server.address]).stream(CONFIG, { signal: abort.signal });
      assert.equal(await failureOf(late), reason);
    });

    test("an abort while a server is sought ends the search", async () => {
      const server = await held.server(
        transport,
        { cutAfterBytes: 3000 },
        { refuse: { ...UNAVAILABLE, reason: "DRAINING" } },
      );
      const abort = new AbortController();
      const stream = held.client(transport, [server.address]).stream(CONFIG, { signal: abort.signal });
      stream.once("reconnecting", () => {
        abort.abort(new Error("enough"));
      });
      sendAll(stream, PCM).catch(() => undefined);
      assert.match((await failureOf(stream)).message, /enough/);
    });

    test("garbage in place of an answer ends the stream, with words", async () => {
      const server = await held.server(transport, { garbage: transport.name === "gRPC" ? "x" : "{not json" });
      const error = await failureOf(held.client(transport, [server.address]).stream(CONFIG));
      assert.ok(error instanceof AmiraClientError);
      assert.match(error.message, transport.name === "gRPC" ? /garbage/ : /is this an Amira server/);
    });

    test("two streams at once do not know of each other", async () => {
      const server = await held.server(transport);
      const client = held.client(transport, [server.address]);
      const pcms = [PCM, pcmOf(0.7).map((byte) => byte ^ 255)];
      const texts = await Promise.all(
        pcms.map(async (pcm) => {
          const stream = client.stream(CONFIG);
          await sendAll(stream, pcm);
          return (await stream.done).text.split(" ");
        }),
      );
      assert.deepEqual(texts, pcms.map(wordsOf));
    });

    test("a server that takes nothing slows its sender down, and loses nothing", async () => {
      const server = await held.server(transport, { stallAfterBytes: { bytes: 64_000, ms: 700 } });
      const stream = held.client(transport, [server.address]).stream(CONFIG);
      const long = pcmOf(300);
      let [sentBytes, mostWaiting, sending] = [0, 0, true];
      const watch = setInterval(() => {
        if (sending) mostWaiting = Math.max(mostWaiting, sentBytes - server.receivedBytes);
      }, 10);
      for (let at = 0; at < long.byteLength; at += 32_000) {
        await stream.send(long.slice(at, at + 32_000));
        sentBytes += 32_000;
      }
      sending = false;
      clearInterval(watch);
      await stream.end();
      assert.deepEqual((await stream.done).text.split(" "), wordsOf(long));
      // 2 s in the queue, 2 s in the connection, and what the kernels hold: some megabytes of the ten.
      assert.ok(mostWaiting < long.byteLength * 0.8, `${String(mostWaiting)} bytes were on their way`);
    });

    test("responses are read in place of listening, and wait for their reader", async () => {
      const server = await held.server(transport, { cutAfterBytes: 12_000 }, {});
      const stream = held.client(transport, [server.address]).stream(CONFIG);
      const sending = sendAll(stream, PCM);
      const responses: StreamingResponse[] = [];
      for await (const response of stream) {
        responses.push(response);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await sending;
      assert.deepEqual(
        responses.flatMap(({ result }) => (result?.isFinal ? [result.text] : [])),
        WORDS,
      );
      assert.equal((await stream.done).text, WORDS.join(" "));
    });

    test("a reader who leaves early does not hold the stream up", async () => {
      const server = await held.server(transport);
      const stream = held.client(transport, [server.address]).stream(CONFIG);
      const sending = sendAll(stream, PCM);
      for await (const { kind } of stream) if (kind === "result") break;
      await sending;
      assert.equal((await stream.done).text, WORDS.join(" "));
    });

    test("who looks late misses nothing", async () => {
      const server = await held.server(transport);
      const stream = held.client(transport, [server.address]).stream(CONFIG);
      await sendAll(stream, PCM);
      await new Promise((resolve) => setTimeout(resolve, 100));
      const finals: string[] = [];
      stream.on("final", ({ text }) => finals.push(text));
      await stream.done;
      assert.deepEqual(finals, WORDS);
    });

    test("misuse is said", async () => {
      const server = await held.server(transport);
      const stream = held.client(transport, [server.address]).stream(CONFIG);
      await assert.rejects(stream.send(new Uint8Array(3)), RangeError);
      await assert.rejects(stream.mark("m".repeat(129)), RangeError);
      await assert.rejects(stream.updateConfig({}), RangeError);
      await assert.rejects(stream.sendAll([new Uint8Array(2), new Uint8Array(1)]), RangeError);
      await stream.end();
      await assert.rejects(stream.send(new Uint8Array(2)), StreamStateError);
      await assert.rejects(stream.end(), StreamStateError);
      await stream.done;
    });

    test("a source that is cut anywhere is put together again", async () => {
      const server = await held.server(transport);
      const stream = held.client(transport, [server.address]).stream(CONFIG);
      const cuts = Array.from({ length: Math.ceil(PCM.byteLength / 333) }, (_, i) => PCM.slice(i * 333, (i + 1) * 333));
      await stream.sendAll(cuts);
      await stream.end();
      assert.deepEqual((await stream.done).text.split(" "), WORDS);
    });

    test("no audio at all", async () => {
      const server = await held.server(transport);
      const stream = held.client(transport, [server.address]).stream(CONFIG);
      await stream.end();
      assert.equal((await stream.done).text, "");
    });

    test("a server from which nothing comes any more is taken for lost", async () => {
      const server = await held.server(transport, { silentAfterBytes: 8000 }, {});
      const stream = held.client(transport, [server.address], { silenceS: 0.1 }).stream(CONFIG);
      const heard = listening(stream);
      await sendAll(stream, PCM);
      assert.deepEqual((await stream.done).text.split(" "), WORDS);
      assert.ok(heard.includes("reconnected"));
    });
  });
}
