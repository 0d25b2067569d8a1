/** The captions page: puts settings, microphone and lines together. */

import { RollUp } from "./caption-lines.js";
import { applyLook, readSettings } from "./caption-settings.js";
import { CaptionPanel } from "./caption-panel.js";
import { captionsOf } from "./downloads.js";
import { Listening, WishError } from "./listening.js";
import { hotwords } from "./settings.js";

const NOTICE_MS = 15_000;
const MOST_SPOKEN = 20;
const PAUSES = {
  standard: "ENDPOINT_PRESET_STANDARD",
  short: "ENDPOINT_PRESET_SHORT",
  "very-short": "ENDPOINT_PRESET_VERY_SHORT",
};

const at = (id) => document.getElementById(id);
const { settings, problems } = readSettings(location.search);
const captions = []; // of all finals, for files
const panel = settings.controls ? new CaptionPanel(settings, { start, stop, changed: look }) : null;
let lines = null;
let listening = null;
let hiding = 0;
let noticed = 0;

function look() {
  applyLook(settings, document.documentElement);
  at("lines").replaceChildren();
  lines = new RollUp(at("lines"), settings.lines);
  panel?.example(lines);
}

/** Without a panel, trouble is told for a moment at the edge: there is nobody to press anything, but somebody may look. */
function tell(problem) {
  panel?.problem(problem);
  if (panel) return;
  clearTimeout(noticed);
  at("notice").textContent = problem;
  at("notice").hidden = !problem;
  noticed = setTimeout(() => {
    at("notice").hidden = true;
  }, NOTICE_MS);
}

function config(offered, rateHz) {
  const phrases = hotwords(settings.hotwords.replaceAll(",", "\n"), offered.limits?.maxHotwords ?? 0);
  return {
    encoding: "AUDIO_ENCODING_LINEAR16",
    sampleRateHz: rateHz,
    interimResults: settings.interim !== "off",
    wordTimes: true,
    model: modelOf(offered.models ?? []),
    endpoint: { preset: PAUSES[settings.pause] },
    ...(phrases.length ? { hotwords: { phrases } } : {}),
  };
}

/** The model that was named, or the first one of the language. Throws WishError. */
function modelOf(models) {
  const { model, language } = settings;
  if (!model && !language) return "";
  const speaks = ({ languageCode = "" }) => !language || primary(languageCode) === primary(language);
  const found = models.find((offered) => (!model || offered.name === model) && speaks(offered));
  if (found) return found.name;
  const list = models.map(({ name, languageCode }) => `${name} (${languageCode || "no language told"})`).join(", ");
  throw new WishError(`The server has no model for ${[model, language].filter(Boolean).join(", ")}: it has ${list}.`);
}

const primary = (tag) => tag.toLowerCase().split(/[-_]/)[0];

function show(segment) {
  const texts = segment.words.map(({ text }) => text);
  const seen = settings.interim === "stable" && !segment.isFinal ? texts.slice(0, segment.stableWords) : texts;
  if (lines.show(segment.id, seen, segment.stableWords)) appear();
  if (!segment.isFinal || !segment.text) return;
  captions.push(...captionsOf(segment));
  speak(segment.text);
  panel?.recognized(captions);
}

function appear() {
  at("captions").classList.remove("gone");
  clearTimeout(hiding);
  if (settings.hold) hiding = setTimeout(vanish, settings.hold * 1000);
}

/** The words go once they cannot be seen any more: new ones begin in an empty box. */
function vanish() {
  const box = at("captions");
  box.classList.add("gone");
  const fading = box.getAnimations();
  Promise.allSettled(fading.map(({ finished }) => finished)).then(() => {
    if (box.classList.contains("gone")) lines.clear();
  });
}

/** Screen readers are told what is final: interims would be read over and over. */
function speak(text) {
  const made = document.createElement("p");
  made.textContent = text;
  at("spoken").append(made);
  if (at("spoken").children.length > MOST_SPOKEN) at("spoken").firstElementChild.remove();
}

async function start() {
  if (listening) return;
  tell("");
  listening = new Listening({
    url: new URL("v1/stream", location.href.replace(/^http/, "ws")),
    key: panel?.key ?? new URLSearchParams(location.hash.slice(1)).get("key") ?? "",
    microphone: settings.microphone,
    patient: !settings.controls,
    config,
    onSegment: show,
    onState: (state, problem) => {
      panel?.state(state);
      tell(problem);
    },
  });
  panel?.running(true);
  look();
  try {
    await listening.run();
  } catch (error) {
    panel?.refused(error);
    tell(error.message);
  } finally {
    listening = null;
    panel?.running(false);
  }
}

function stop() {
  listening?.stop();
}

/** A screen that goes dark shows no captions. Not all browsers, and not always. */
async function stayAwake() {
  if (document.visibilityState !== "visible") return;
  await navigator.wakeLock?.request("screen").catch(() => {});
}

addEventListener("pagehide", () => listening?.abandon());
addEventListener("resize", () => lines.layOut());
document.fonts.addEventListener("loadingdone", () => lines.layOut());
document.addEventListener("visibilitychange", stayAwake);
stayAwake();
look();
tell(problems.join(" "));
if (!panel) start();
