/** The page: puts microphone, conversation, house and voice together. */

import { setUpTheme } from "/shared/theme.js";
import { Connection } from "./connection.js";
import { House } from "./house.js";
import { Interruption } from "./interruption.js";
import { AnswerLatency } from "./latency.js";
import { Log } from "./log.js";
import { Microphone, MicrophoneError } from "./microphone.js";
import { Player } from "./player.js";

const ANSWER_RATE_HZ = 24_000; // until the first answer says it
const at = (id) => document.getElementById(id);
const log = new Log(at("conversation"), at("log"), at("spoken"));
const latency = new AnswerLatency();
const player = new Player((number) => connection.tell("played", { number }));
const interruption = new Interruption(player, (paused) => showPhase(paused ? "paused" : "answering"));
const house = new House(at, (light) => connection.tell("toggle", { light }), (number) => connection.tell("cancel-timer", { number }));
let microphone = null; // or a promise of one
let samples = 0;
let wake = "hey amira";
let held = false;

const connection = new Connection({
  open: () => {
    problem(null);
    tellVoice();
    if (microphone instanceof Microphone) listen();
    showButtons();
    showPhase("asleep");
  },
  lost: () => {
    player.stop();
    showButtons();
    showPhase("off", "The assistant is gone: it is looked for…");
  },
  message: (message) => handlers[message.kind]?.(message),
  audio: (number, pcm) => {
    const inMs = player.add(number, pcm);
    if (inMs !== undefined) show(latency.sounds(inMs));
  },
});

const handlers = {
  hello: (message) => {
    wake = message.wake;
    at("wake").textContent = wake;
    showPhase("asleep");
  },
  listening: () => showPhase("asleep"),
  heard: (message) => {
    if (message.final && message.meant) latency.final();
    log.heard(message);
  },
  understood: (message) => {
    log.understood(message);
    show(latency.understood(message.end));
  },
  answer: (message) => {
    log.answered(message);
    showPhase("answering");
    if (message.spoken) player.begin(message.number, message.rate_hz);
    else sayHere(message);
  },
  "answer-end": ({ number }) => player.complete(number),
  "stop-answer": ({ number }) => {
    const tookMs = interruption.confirmed();
    if (tookMs !== undefined) at("stop-ms").textContent = ms(tookMs);
    player.stop();
    speechSynthesis?.cancel();
    log.stopped(number);
  },
  phase: ({ phase }) => {
    showPhase(phase);
    if (phase === "awake") player.chime();
  },
  house: (state) => house.show(state),
  problem: ({ text }) => {
    problem(text);
    if (microphone instanceof Microphone) microphone.close();
  },
};

/** The browser's own voice, or none at all. */
function sayHere({ number, text }) {
  const over = () => connection.tell("played", { number });
  if (at("voice").value === "none" || !globalThis.speechSynthesis) {
    over();
    return;
  }
  const utterance = new SpeechSynthesisUtterance(text);
  utterance.lang = "en";
  utterance.onstart = () => show(latency.sounds(0));
  utterance.onend = over;
  utterance.onerror = over;
  speechSynthesis.speak(utterance);
}

function tellVoice() {
  connection.tell("voice", { browser: at("voice").value !== "server" });
}

function listen() {
  samples = 0;
  latency.restart();
  log.restart();
  connection.tell("listen", { rate_hz: microphone.rateHz });
}

function take(piece) {
  interruption.hear(piece);
  samples += piece.length;
  latency.heard(samples / (microphone?.rateHz ?? 1));
  connection.audio(piece);
}

async function startMicrophone() {
  if (microphone) return microphone;
  problem(null);
  player.open(ANSWER_RATE_HZ);
  const opening = Microphone.open((piece) => microphone instanceof Microphone && take(piece));
  microphone = opening;
  try {
    microphone = await opening;
  } catch (error) {
    microphone = null;
    problem(error instanceof MicrophoneError ? error.message : `The page failed: ${error.message}`);
    return null;
  }
  listen();
  showButtons();
  microphone.closed.then(() => {
    microphone = null;
    connection.tell("rest");
    showButtons();
    showPhase("asleep");
  });
  return microphone;
}

async function talk(pressed) {
  if (pressed === held) return;
  held = pressed;
  at("talk").setAttribute("aria-pressed", String(pressed));
  if (pressed && !(await startMicrophone())) held = false;
  if (pressed === held) connection.tell("talk", { pressed });
  at("talk").setAttribute("aria-pressed", String(held));
}

function setUpTalking() {
  const button = at("talk");
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    talk(true);
  });
  for (const end of ["pointerup", "pointercancel", "blur"]) button.addEventListener(end, () => talk(false));
  const isSpace = (event) => event.key === " " && (event.target === document.body || event.target === button);
  addEventListener("keydown", (event) => {
    if (!isSpace(event) || button.disabled) return;
    event.preventDefault(); // it would scroll
    if (!event.repeat) talk(true);
  });
  addEventListener("keyup", (event) => isSpace(event) && talk(false));
  addEventListener("blur", () => talk(false)); // the key comes up elsewhere
}

function showButtons() {
  const button = at("microphone");
  const on = microphone instanceof Microphone;
  button.textContent = on ? "Stop microphone" : "Start microphone";
  button.setAttribute("aria-pressed", String(on));
  for (const one of [button, at("talk"), at("typing").querySelector("button")]) one.disabled = !connection?.open;
}

function showPhase(phase, text) {
  const listening = microphone instanceof Microphone;
  const texts = {
    asleep: listening ? `Say “${wake}”` : "Ready: start the microphone, or type",
    awake: "I am listening",
    answering: "Answering: speak to interrupt",
    paused: "Did you say something?",
  };
  at("phase").textContent = text ?? texts[phase];
  at("phase").dataset.phase = phase === "asleep" && !listening ? "off" : phase;
}

function show(figures) {
  for (const [name, value] of Object.entries(figures)) at(`${name}-ms`).textContent = ms(value);
}

const ms = (value) => (value === undefined ? "–" : `${Math.max(0, Math.round(value))} ms`);

function problem(text) {
  at("problem").textContent = text ?? "";
  at("problem").hidden = !text;
}

at("microphone").addEventListener("click", () => {
  if (microphone instanceof Microphone) microphone.close();
  else startMicrophone();
});
at("typing").addEventListener("submit", (event) => {
  event.preventDefault();
  player.open(ANSWER_RATE_HZ);
  const text = at("text").value.trim();
  if (text) connection.tell("say", { text });
  at("text").value = "";
});
at("voice").addEventListener("change", tellVoice);
setUpTheme(at("theme"), () => {});
setUpTalking();
