/** What has been sent, or will be, and may be wanted again by another connection or another server. */

const MOST_S = 600;

export class Unacknowledged {
  /** @param {number} rateHz of the samples */
  constructor(rateHz) {
    this._mostSamples = MOST_S * rateHz;
    this._items = []; // {offset, samples} or {offset, control, number}, in order
    this._next = 0;
    this._offset = 0;
    this._controls = 0;
    this._lost = 0; // audio before this offset is forgotten
  }

  /** @param {Int16Array} samples the audio that follows */
  audio(samples) {
    if (samples.length === 0) return;
    this._items.push({ offset: this._offset, samples });
    this._offset += samples.length;
    this.forget(this._offset - this._mostSamples);
  }

  /** @param {object} control a StreamControl as JSON */
  control(control) {
    this._controls += 1;
    this._items.push({ offset: this._offset, control, number: this._controls });
  }

  /** What comes next, or null: all has been taken. */
  next() {
    return this._next < this._items.length ? this._items[this._next++] : null;
  }

  /** Audio before `offset` (in samples), and controls sent before that audio, will not be wanted any more. */
  forget(offset) {
    let count = 0;
    while (count < this._next && end(this._items[count]) <= offset && this._items[count].offset < offset) count += 1;
    if (count === 0) return;
    this._lost = end(this._items[count - 1]);
    this._items.splice(0, count);
    this._next -= count;
  }

  /**
   * Everything from `offset` on comes again, controls only where more than `controls` have been made.
   * @returns {boolean} whether all of it is still here
   */
  rewind(offset, controls = 0) {
    if (offset < this._lost) return false;
    const at = this._items.findIndex((item) => end(item) > offset || (item.control && item.number > controls));
    this._next = at < 0 ? this._items.length : at;
    const first = this._items[this._next];
    if (first?.samples && first.offset < offset) this._cut(offset);
    return true;
  }

  _cut(offset) {
    const { offset: start, samples } = this._items[this._next];
    const head = { offset: start, samples: samples.subarray(0, offset - start) };
    const tail = { offset, samples: samples.subarray(offset - start) };
    this._items.splice(this._next, 1, head, tail);
    this._next += 1;
  }
}

const end = (item) => item.offset + (item.samples?.length ?? 0);
