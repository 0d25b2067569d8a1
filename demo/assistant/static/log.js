/** The conversation: what was heard, stable words firm and the others faint, and what was answered. */

const MOST_ROWS = 80;
const AT_BOTTOM_PX = 60;

export class Log {
  /** @param {HTMLElement} box scrolls @param {HTMLElement} list @param {HTMLElement} spoken for screen readers */
  constructor(box, list, spoken) {
    this._box = box;
    this._list = list;
    this._spoken = spoken;
    this._segments = new Map();
    this._answers = new Map();
    this._last = null;
  }

  /** The microphone starts again: segments count from 0. */
  restart() {
    this._segments.clear();
  }

  heard({ segment, words, stable, final, meant }) {
    const row = (segment >= 0 && this._segments.get(segment)) || this._row("you");
    this._segments.set(segment, row);
    row.dataset.meant = String(meant);
    row.dataset.final = String(final);
    const spans = words.map((word, index) => {
      const span = document.createElement("span");
      span.textContent = word;
      span.classList.toggle("faint", !final && index >= stable);
      return span;
    });
    row.replaceChildren(...spans.flatMap((span) => [span, " "]));
    if (final && meant) {
      this._last = row;
      this._say(`You: ${words.join(" ")}`);
    }
    this._scroll();
  }

  understood({ sentence }) {
    if (!this._last) return;
    const note = document.createElement("small");
    note.textContent = sentence === null ? "not understood" : `understood: ${sentence}`;
    this._last.append(note);
    this._last = null;
    this._scroll();
  }

  answered({ number, text }) {
    const row = this._row("amira");
    row.textContent = text;
    this._answers.set(number, row);
    this._say(`Amira: ${text}`);
    this._scroll();
  }

  stopped(number) {
    const row = this._answers.get(number);
    if (row) row.dataset.stopped = "true";
  }

  _row(who) {
    const row = document.createElement("li");
    row.dataset.who = who;
    this._list.append(row);
    while (this._list.children.length > MOST_ROWS) this._list.firstElementChild.remove();
    return row;
  }

  _say(text) {
    const line = document.createElement("p");
    line.textContent = text;
    this._spoken.append(line);
    while (this._spoken.children.length > MOST_ROWS) this._spoken.firstElementChild.remove();
  }

  _scroll() {
    this._box.scrollTop = this._box.scrollHeight + AT_BOTTOM_PX;
  }
}
