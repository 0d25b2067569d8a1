/**
 * Captions that roll up: words fill a line from its beginning; when it is full, it moves up and stays as it is.
 *
 * What has been shown does not jump: lines never move down, a word that stays the same stays where it is, and words
 * that become firm change their colour, not their width.
 */

const ROLL_MS = 140;

export class RollUp {
  /** @param {HTMLElement} box shows its last lines; what is above is cut off @param {number} lines that it shows */
  constructor(box, lines) {
    this._box = box;
    this._most = lines + 1; // one more, which is on its way out
    this._words = []; // {segment, text, span}: those of lines that are still there, in order
    this._segment = null; // the newest: {id, past}, of whose words `past` had been cleared away
    this._still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  /**
   * Shows a segment as it is now.
   * @param {number} id of the segment; only the newest changes @param {string[]} texts its words
   * @param {number} firm how many of them will stay
   * @returns {boolean} whether words came or went
   */
  show(id, texts, firm) {
    if (this._segment?.id !== id) this._segment = { id, past: 0 };
    const { past } = this._segment;
    const wanted = texts.slice(past);
    const shown = this._words.filter((word) => word.segment === id);
    const changed = shown.findIndex((word, index) => word.text !== wanted[index]);
    const kept = changed < 0 ? shown.length : changed;
    const gone = new Set(shown.slice(kept));
    for (const word of gone) word.span.remove();
    this._words = this._words.filter((word) => !gone.has(word));
    wanted.slice(kept).forEach((text, index) => this._add(id, text, past + kept + index === 0));
    const mine = this._words.filter((word) => word.segment === id);
    mine.forEach(({ span }, index) => span.classList.toggle("faint", past + index >= firm));
    this._forgetLines();
    return gone.size > 0 || wanted.length > kept;
  }

  /** Takes everything away. Of the newest segment, only words that come later will be seen. */
  clear() {
    if (this._segment) this._segment.past += this._words.filter((word) => word.segment === this._segment.id).length;
    this._words = [];
    this._box.replaceChildren();
  }

  /** The box or its letters have another size: what is there is put into new lines. */
  layOut() {
    const words = this._words;
    this._words = [];
    this._box.replaceChildren();
    words.forEach((word, index) => {
      const span = this._add(word.segment, word.text, index > 0 && words[index - 1].segment !== word.segment);
      span.className = word.span.className;
    });
  }

  _add(segment, text, begins) {
    const span = document.createElement("span");
    span.textContent = text;
    this._words.push({ segment, text, span });
    let line = this._line();
    if (begins && line.firstChild) line = this._after(line);
    line.append(span);
    if (span !== line.firstChild && line.scrollWidth > line.clientWidth) this._after(line).append(span);
    return span;
  }

  /** The line that words go to: the last that has some, or the first, or a new one. */
  _line() {
    const lines = [...this._box.children];
    return lines.findLast((line) => line.firstChild) ?? lines[0] ?? this._newLine();
  }

  /** The line below; it may be there already, left empty by words that were taken back. */
  _after(line) {
    return line.nextElementSibling ?? this._newLine();
  }

  _newLine() {
    const line = document.createElement("p");
    line.dir = "auto";
    this._box.append(line);
    if (line.previousElementSibling && !this._still.matches) {
      const roll = [{ transform: `translateY(${line.offsetHeight}px)` }, { transform: "none" }];
      for (const moved of this._box.children) moved.animate(roll, { duration: ROLL_MS, easing: "ease-out" });
    }
    return line;
  }

  /** Lines out of sight go, but for those of the newest segment: its words are compared with what comes. */
  _forgetLines() {
    while (this._box.children.length > this._most) {
      const line = this._box.firstElementChild;
      const here = new Set(this._words.filter((word) => word.span.parentNode === line));
      if ([...here].some((word) => word.segment === this._segment.id)) return;
      this._words = this._words.filter((word) => !here.has(word));
      line.remove();
    }
  }
}
