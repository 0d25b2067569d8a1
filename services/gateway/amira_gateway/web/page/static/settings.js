/** What the person wants, as a RecognitionConfig; what the server offers, as choices. */

const LONGEST_PHRASE = 100;
const MOST_BOOST = 20;

/** A setting that cannot be used; the message says which. */
export class SettingError extends Error {}

/**
 * @param {string} text one phrase a line, `phrase` or `phrase: boost`
 * @param {number} most phrases that the server takes
 * @returns {{phrase: string, boost?: number}[]} Throws SettingError.
 */
export function hotwords(text, most) {
  const phrases = text.split("\n").map((line) => line.trim()).filter(Boolean).map(hotword);
  if (phrases.length > most) throw new SettingError(`${phrases.length} hotwords are too many: the server takes ${most}.`);
  return phrases;
}

function hotword(line) {
  const [, phrase, boost] = /^(.*?)(?::\s*(-?\d+(?:\.\d+)?))?$/.exec(line);
  if (phrase.length > LONGEST_PHRASE) throw new SettingError(`A hotword has at most ${LONGEST_PHRASE} characters: “${phrase.slice(0, 30)}…” is longer.`);
  if (Math.abs(Number(boost ?? 0)) > MOST_BOOST) throw new SettingError(`The boost of “${phrase}” is beyond ${MOST_BOOST}.`);
  return boost === undefined ? { phrase: phrase.trim() } : { phrase: phrase.trim(), boost: Number(boost) };
}

/** Fills the choice of models; keeps what was chosen. */
export function offerModels(select, models) {
  const chosen = select.value;
  select.replaceChildren(...models.map((model) => new Option(`${model.name} · ${languageName(model.languageCode)}`, model.name)));
  if (models.some((model) => model.name === chosen)) select.value = chosen;
}

function languageName(code) {
  if (!code) return "language not told";
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code);
  } catch {
    return code; // not a BCP-47 tag
  }
}
