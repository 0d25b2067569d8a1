/** The page: puts source, stream and views together. */

import { download, render } from "./downloads.js";
import { Latency } from "./latency.js";
import { fetchCapabilities } from "./server.js";
import { hotwords, offerModels, SettingError } from "./settings.js";
import { Microphone, Recording, SourceError } from "./sources.js";
import { SpeechStream, StreamError } from "./stream.js";
import { setUpTheme } from "./theme.js";
import { seconds, Transcript } from "./transcript.js";
import { clock, TranscriptView } from "./transcript-view.js";
import { Waveform } from "./waveform.js";

const at = (id) => document.getElementById(id);
const view = new TranscriptView(at("transcript"), at("segments"), at("word"), at("spoken"));
const wave = new Waveform(at("wave"));
let transcript = new Transcript();
let offered = null;
let running = null; // {source, stream, latency, rateHz, samples, speech}

function status(text, state) {
  at("status").textContent = text;
  at("status").dataset.state = state;
}

function problem(text) {
  at("problem").textContent = text ?? "";
  at("problem").hidden = !text;
}

async function meetServer() {
  try {
    offered = await fetchCapabilities(at("key").value);
  } catch (error) {
    offered = null;
    askForKey(error);
    status("Not connected", "idle");
    problem(error.message);
    setTimeout(() => offered ?? running ?? (error.isKey || meetServer()), 5000);
    return;
  } finally {
    showButtons();
  }
  offerModels(at("model"), offered.models ?? []);
  at("server").textContent = `live transcription · server ${offered.serverVersion ?? ""}`;
  problem(null);
  status("Ready", "ready");
}

function askForKey(error) {
  if (!error.isKey) return;
  at("key-form").hidden = false;
  at("key").focus();
}

function showButtons() {
  const button = at("microphone");
  button.textContent = running ? "Stop" : "Start microphone";
  button.setAttribute("aria-pressed", String(Boolean(running)));
  button.disabled = !offered || Boolean(running?.stopping);
  at("choose").disabled = !offered || Boolean(running);
  for (const other of ["model", "endpoint", "hotwords"]) at(other).disabled = Boolean(running);
}

function config(rateHz) {
  const phrases = hotwords(at("hotwords").value, offered.limits?.maxHotwords ?? 0);
  return {
    encoding: "AUDIO_ENCODING_LINEAR16",
    sampleRateHz: rateHz,
    interimResults: true,
    wordTimes: true,
    model: at("model").value,
    endpoint: { preset: at("endpoint").value },
    ...(phrases.length ? { hotwords: { phrases } } : {}),
  };
}

/** @param {() => Promise<object>} open a source */
async function transcribe(open, what) {
  if (running || !offered) return;
  problem(null);
  running = { stopping: true }; // until there is something to stop
  showButtons();
  let source = null;
  try {
    config(16_000); // what is wrong with the settings is said before a microphone is asked for
    source = await open();
    await run(source, what);
    status("Done", "ready");
  } catch (error) {
    fail(error);
  } finally {
    source?.stop();
    wave.end();
    running = null;
    showButtons();
  }
}

async function run(source, what) {
  transcript = new Transcript();
  view.clear();
  wave.clear(source.rateHz);
  at("empty").hidden = true;
  for (const id of ["partial-latency", "final-latency", "server-latency", "confidence"]) at(id).textContent = "–";
  const url = new URL("v1/stream", location.href.replace(/^http/, "ws"));
  const stream = new SpeechStream({
    url,
    key: at("key").value,
    config: config(source.rateHz),
    onMessage: show,
    onLost: (lost) => (lost ? status("Connection lost: going on as soon as it is back…", "lost") : status(what, "live")),
  });
  running = { source, stream, latency: new Latency(), samples: 0, speech: new Map(), what };
  status(what, "live");
  showButtons();
  try {
    await Promise.all([source.start(take, () => stream.end()), stream.ended]);
  } finally {
    stream.abandon(); // where the source failed; a stream that is over takes no notice
  }
}

function take(samples) {
  if (!running?.stream) return;
  running.samples += samples.length;
  const audioS = running.samples / running.source.rateHz;
  running.latency.heard(audioS);
  wave.add(samples);
  at("length").textContent = clock(audioS);
  running.stream.send(samples);
}

function show(message) {
  if (!running?.stream) return;
  if (message.session?.model) at("server").textContent = `${message.session.model} ${message.session.modelVersion ?? ""}`;
  if (message.event) shadeSpeech(message.event);
  if (message.result) showResult(message.result, message.lag);
  if (message.warning) status("The server will end this stream before long.", "lost");
}

function shadeSpeech({ kind, segmentId = 0, offset }) {
  const time = seconds(offset);
  const known = running.speech.get(segmentId) ?? { start: time, end: time };
  running.speech.set(segmentId, kind === "KIND_SPEECH_START" ? { start: time, end: time } : { ...known, end: time });
  wave.segments([...running.speech.values()]);
}

function showResult(result, lag) {
  const { segment, fresh } = transcript.take(result);
  view.show(segment);
  running.latency.shown(fresh);
  const span = running.speech.get(segment.id);
  if (span && segment.words.length) running.speech.set(segment.id, { ...span, end: Math.max(span.end, segment.end) });
  wave.segments([...running.speech.values()]);
  if (segment.isFinal && segment.words.length) running.latency.ended(segment.end);
  if (lag?.serverLatency) at("server-latency").textContent = ms(seconds(lag.serverLatency) * 1000);
  at("partial-latency").textContent = ms(running.latency.partialMs);
  at("final-latency").textContent = ms(running.latency.finalMs);
  const sure = transcript.confidence;
  if (sure !== undefined) at("confidence").textContent = `${Math.round(sure * 100)} %`;
  for (const button of document.querySelectorAll("[data-format]")) button.disabled = transcript.finals.length === 0;
}

const ms = (value) => (value === undefined ? "–" : `${Math.max(0, Math.round(value))} ms`);

async function fail(error) {
  status("Stopped", "idle");
  if (error instanceof SettingError) at("settings").open = true;
  if (error instanceof StreamError && error.reason === "CONNECTION_LOST") {
    await meetServer(); // a refused WebSocket does not tell why; this does
    if (offered) problem("The connection could not be kept. What was recognized is below.");
    return;
  }
  const known = error instanceof SettingError || error instanceof SourceError || error instanceof StreamError;
  problem(known ? error.message : `The page failed: ${error.message}`);
  if (!known) console.error(error);
}

function stop() {
  if (!running?.source) return;
  running.stopping = true;
  status("Waiting for the last words…", "live");
  showButtons();
  running.source.stop();
}

const transcribeFile = (file) => file && transcribe(() => Recording.open(file), `Transcribing ${file.name}`);

function setUpDrop() {
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    at("drop").hidden = Boolean(running);
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) at("drop").hidden = true;
  });
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    at("drop").hidden = true;
    transcribeFile(event.dataTransfer.files[0]);
  });
}

at("microphone").addEventListener("click", () => (running ? stop() : transcribe(() => Microphone.open(), "Listening")));
at("choose").addEventListener("click", () => at("file").click());
at("file").addEventListener("change", ({ target }) => {
  transcribeFile(target.files[0]);
  target.value = ""; // the same file again is a change, too
});
at("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  meetServer();
});
for (const button of document.querySelectorAll("[data-format]")) {
  button.addEventListener("click", () => download(render(transcript.finals, button.dataset.format), button.dataset.format));
}
addEventListener("pagehide", () => running?.stream?.abandon());
setUpTheme(at("theme"), () => wave.draw());
setUpDrop();
meetServer();
