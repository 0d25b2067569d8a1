/** What has been recognized: segments with their words, times in seconds. */

/** @param {string | undefined} duration protobuf's JSON, as "1.280s" */
export const seconds = (duration) => (duration ? Number.parseFloat(duration) : 0);

export class Transcript {
  constructor() {
    this._segments = new Map();
  }

  /**
   * @param {object} result StreamingResult as JSON
   * @returns {{segment: object, fresh: object[]}} the segment as it is now, and the words it has for the first time
   */
  take(result) {
    const id = result.segmentId ?? 0;
    const known = this._segments.get(id);
    const [best = {}] = result.alternatives ?? [];
    const words = wordsOf(best);
    const segment = {
      id,
      isFinal: result.isFinal ?? false,
      text: best.text ?? "",
      words,
      stableWords: result.isFinal ? words.length : (result.stableWords ?? 0),
      confidence: best.confidence,
      start: words[0]?.start ?? seconds(result.segmentStart),
      end: words.at(-1)?.end ?? seconds(result.audioProcessed),
    };
    this._segments.set(id, segment);
    return { segment, fresh: words.slice(known?.words.length ?? 0) };
  }

  /** All segments in order. */
  get segments() {
    return [...this._segments.values()].sort((a, b) => a.id - b.id);
  }

  /** Those that will not change. */
  get finals() {
    return this.segments.filter((segment) => segment.isFinal && segment.text);
  }

  /** Mean confidence of the finals' words, or undefined. */
  get confidence() {
    const known = this.finals.flatMap((segment) => segment.words).map((word) => word.confidence).filter((c) => c !== undefined);
    return known.length ? known.reduce((sum, c) => sum + c, 0) / known.length : undefined;
  }
}

function wordsOf(alternative) {
  if (alternative.words) {
    return alternative.words.map((word) => ({
      text: word.text,
      start: seconds(word.start),
      end: seconds(word.end),
      confidence: word.confidence,
    }));
  }
  return (alternative.text ?? "").split(" ").filter(Boolean).map((text) => ({ text }));
}
