/** The transcript on the page: stable words firm, the others faint, times and confidence of the word pointed at. */

const UNSURE = 0.5;
const AT_BOTTOM_PX = 60;

export class TranscriptView {
  /**
   * @param {HTMLElement} box scrolls
   * @param {HTMLElement} list gets one item per segment
   * @param {HTMLElement} line tells about a word
   * @param {HTMLElement} spoken gets finals, for screen readers: interims would be read over and over
   */
  constructor(box, list, line, spoken) {
    this._box = box;
    this._list = list;
    this._line = line;
    this._spoken = spoken;
    this._items = new Map();
    list.addEventListener("pointerover", ({ target }) => this._tell(target));
    list.addEventListener("click", ({ target }) => this._tell(target));
    list.addEventListener("focusin", ({ target }) => this._tell(target));
    box.addEventListener("keydown", (event) => this._move(event));
  }

  clear() {
    this._items.clear();
    this._list.replaceChildren();
    this._spoken.replaceChildren();
  }

  show(segment) {
    const atBottom = this._box.scrollHeight - this._box.scrollTop - this._box.clientHeight < AT_BOTTOM_PX;
    const item = this._items.get(segment.id) ?? this._add(segment.id);
    item.time.textContent = clock(segment.start);
    item.time.title = `${segment.start.toFixed(2)} to ${segment.end.toFixed(2)} s`;
    item.row.dataset.final = String(segment.isFinal);
    item.row.hidden = segment.words.length === 0;
    this._fill(item.text, segment);
    if (segment.isFinal && segment.text) this._spoken.append(paragraph(segment.text));
    if (atBottom) this._box.scrollTop = this._box.scrollHeight;
  }

  _add(id) {
    const row = document.createElement("li");
    const time = document.createElement("time");
    const text = document.createElement("span");
    text.className = "text";
    row.append(time, text);
    this._list.append(row);
    const item = { row, time, text };
    this._items.set(id, item);
    return item;
  }

  /** Words that are there already are kept, so that focus and pointer stay where they are. */
  _fill(text, segment) {
    const spans = text.children;
    segment.words.forEach((word, index) => {
      let span = spans[index];
      if (!span) {
        text.append(" ");
        span = document.createElement("span");
        span.tabIndex = this._list.querySelector("[tabindex='0']") ? -1 : 0; // one stop for Tab, arrows do the rest
        text.append(span);
      }
      if (span.textContent !== word.text) span.textContent = word.text;
      span.classList.toggle("faint", index >= segment.stableWords);
      span.classList.toggle("unsure", segment.isFinal && word.confidence !== undefined && word.confidence < UNSURE);
      span.title = describe(word);
    });
    while (spans.length > segment.words.length) spans[spans.length - 1].remove();
  }

  _tell(target) {
    if (target.matches?.(".text > span")) this._line.textContent = `${target.textContent}: ${target.title}`;
  }

  _move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const words = [...this._list.querySelectorAll(".text > span")];
    const from = words.indexOf(document.activeElement);
    const next = words[from < 0 ? 0 : from + step];
    if (!next) return;
    event.preventDefault();
    for (const word of this._list.querySelectorAll("[tabindex='0']")) word.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

/** @param {number} s @returns {string} minutes and seconds */
export function clock(s) {
  const whole = Math.floor(s);
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const tail = `${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

function describe(word) {
  const times = word.start === undefined ? "no times" : `${word.start.toFixed(2)} to ${word.end.toFixed(2)} s`;
  return word.confidence === undefined ? times : `${times}, confidence ${Math.round(word.confidence * 100)} %`;
}

function paragraph(text) {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}
