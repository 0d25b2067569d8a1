/** What a person sets captions up with: start and stop, settings that are seen at once, the address for OBS, files. */

import { queryOf, readSettings } from "./caption-settings.js";
import { download, renderCaptions } from "./downloads.js";
import { LiveFile } from "./live-file.js";
import { fetchCapabilities } from "./server.js";

const AWAY_MS = 4000;
const STATES = { opening: "Opening…", listening: "Listening", lost: "Connection lost: going on as soon as it is back…" };
const EXAMPLE = ["Captions", "will", "look", "like", "this.", "Words", "that", "may", "still", "change", "are", "fainter"];
const FIRM = 9;

const at = (id) => document.getElementById(id);

export class CaptionPanel {
  /**
   * @param {object} settings of the page; changed here
   * @param {{start: () => void, stop: () => void, changed: () => void}} actions
   */
  constructor(settings, { start, stop, changed }) {
    this._settings = settings;
    this._changed = changed;
    this._captions = [];
    this._file = null;
    this._running = false;
    at("panel").hidden = false;
    at("key").value = new URLSearchParams(location.hash.slice(1)).get("key") ?? "";
    at("start").addEventListener("click", () => (this._running ? stop() : start()));
    at("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      start();
    });
    for (const button of document.querySelectorAll("[data-format]")) {
      const { format } = button.dataset;
      button.addEventListener("click", () => download(renderCaptions(this._captions, format), format, "captions"));
    }
    at("save").hidden = !LiveFile.offered;
    at("save").addEventListener("click", () => this._chooseFile());
    at("copy").addEventListener("click", () => this._copy());
    this._fill();
    at("fields").addEventListener("submit", (event) => event.preventDefault());
    at("fields").addEventListener("change", ({ target }) => this._take(target));
    this._goAway();
    this._offerModels();
  }

  /** API key, or "". */
  get key() {
    return at("key").value;
  }

  problem(text) {
    at("problem").textContent = text;
    at("problem").hidden = !text;
  }

  state(state) {
    at("status").textContent = STATES[state];
    at("status").dataset.state = state;
  }

  running(running) {
    this._running = running;
    at("start").textContent = running ? "Stop" : "Start";
    at("start").setAttribute("aria-pressed", String(running));
    if (running) return;
    at("status").textContent = "Stopped";
    at("status").dataset.state = "idle";
  }

  /** It could not begin. */
  refused(error) {
    if (!error.isKey) return;
    at("key-form").hidden = false;
    at("key").focus();
  }

  /** @param {object[]} captions all there are, of finals */
  recognized(captions) {
    this._captions = captions;
    for (const button of document.querySelectorAll("[data-format]")) button.disabled = false;
    this._save();
  }

  /** Until there is something to show. */
  example(lines) {
    if (!this._running && this._captions.length === 0) lines.show(-1, EXAMPLE, FIRM);
  }

  _fill() {
    for (const field of at("fields").elements) {
      if (field.type === "checkbox") field.checked = this._settings[field.name];
      else field.value = this._settings[field.name];
    }
    this._tellAddress();
  }

  _take(field) {
    const given = field.type === "checkbox" ? (field.checked ? "on" : "off") : field.value;
    const { settings, problems } = readSettings(new URLSearchParams({ [field.name]: given }).toString());
    this.problem(problems.join(" "));
    field.setAttribute("aria-invalid", String(problems.length > 0));
    if (problems.length) return;
    this._settings[field.name] = settings[field.name];
    const query = queryOf(this._settings);
    history.replaceState(null, "", `${location.pathname}${query && "?"}${query}${location.hash}`);
    this._tellAddress();
    this._changed();
  }

  _tellAddress() {
    at("address").value = `${location.origin}${location.pathname}?${queryOf({ ...this._settings, controls: false })}`;
  }

  async _copy() {
    at("address").select();
    await navigator.clipboard?.writeText(at("address").value).catch(() => {}); // it is selected, at any rate
    at("status").textContent = "The address is copied";
  }

  async _offerModels() {
    const offered = await fetchCapabilities(this.key).catch(() => ({})); // Start tells why
    const select = at("fields").elements.model;
    for (const { name, languageCode } of offered.models ?? []) select.add(new Option(`${name} · ${languageCode}`, name));
    select.value = this._settings.model;
  }

  async _chooseFile() {
    try {
      this._file = await LiveFile.choose();
    } catch (error) {
      if (error.name !== "AbortError") this.problem(`The file cannot be used: ${error.message}`);
      return;
    }
    this._save();
  }

  async _save() {
    const file = this._file;
    if (!file) return;
    try {
      await file.save(this._captions);
      at("save").textContent = `Saving to ${file.name}`;
    } catch (error) {
      this._file = null;
      at("save").textContent = "Save live…";
      this.problem(`${file.name} cannot be written: ${error.message}`);
    }
  }

  /** While it runs and nobody touches anything, captions are all there is to be seen. */
  _goAway() {
    let leaving = 0;
    const here = () => {
      at("panel").classList.remove("away");
      clearTimeout(leaving);
      leaving = setTimeout(() => at("panel").classList.toggle("away", this._running && at("problem").hidden), AWAY_MS);
    };
    for (const kind of ["pointermove", "pointerdown", "keydown"]) addEventListener(kind, here);
    at("start").addEventListener("click", here);
  }
}
