/** The transcript as files. */

const TYPES = { txt: "text/plain", srt: "application/x-subrip", vtt: "text/vtt", json: "application/json" };
const LINE_CHARACTERS = 42;
const CAPTION_S = 6;

/**
 * @param {object[]} finals segments of a Transcript
 * @param {"txt" | "srt" | "vtt" | "json"} format
 * @returns {string} the file's text
 */
export function render(finals, format) {
  if (format === "txt") return `${finals.map((segment) => segment.text).join("\n")}\n`;
  if (format === "json") return `${JSON.stringify({ text: finals.map((s) => s.text).join(" "), segments: finals }, null, 2)}\n`;
  return renderCaptions(finals.flatMap(captionsOf), format);
}

/** @param {object[]} captions of captionsOf() @param {"srt" | "vtt"} format @returns {string} the file's text */
export function renderCaptions(captions, format) {
  if (format === "vtt") return `WEBVTT\n\n${captions.map((caption) => cue(caption, ".")).join("\n")}`;
  return captions.map((caption, index) => `${index + 1}\n${cue(caption, ",")}`).join("\n");
}

/** Gives the file to the person. */
export function download(text, format, name = "transcript") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: `${TYPES[format]};charset=utf-8` }));
  link.download = `${name}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @returns {{text: string, start: number, end: number}[]} pieces of at most two lines and six seconds */
export function captionsOf(segment) {
  const captions = [];
  for (const word of segment.words) {
    const open = captions.at(-1);
    const text = open ? `${open.text} ${word.text}` : word.text;
    if (open && text.length <= 2 * LINE_CHARACTERS && word.end - open.start <= CAPTION_S) {
      open.text = text;
      open.end = word.end;
    } else captions.push({ text: word.text, start: word.start ?? segment.start, end: word.end ?? segment.end });
  }
  return captions;
}

function cue({ start, end, text }, point) {
  return `${stamp(start, point)} --> ${stamp(end, point)}\n${wrapped(text)}\n`;
}

function wrapped(text) {
  if (text.length <= LINE_CHARACTERS) return text;
  const at = text.lastIndexOf(" ", LINE_CHARACTERS);
  return at < 0 ? text : `${text.slice(0, at)}\n${text.slice(at + 1)}`;
}

function stamp(s, point) {
  const ms = Math.round(s * 1000);
  const part = (value, digits) => String(value).padStart(digits, "0");
  const [hours, minutes, rest] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60];
  return `${part(hours, 2)}:${part(minutes, 2)}:${part(rest, 2)}${point}${part(ms % 1000, 3)}`;
}
