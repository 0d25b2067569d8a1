/** Which container the first bytes of a file belong to, as far as the server can read it. */

import type { AudioEncoding } from "./messages.js";

/** Enough of a file to know it by. */
export const SNIFF_BYTES = 4096;

const EXTENSIBLE = 0xfffe;
/** Format tag and bits: PCM 16, float 32, A-law, mu-law. */
const SERVER_READS = new Set(["1 16", "3 32", "6 8", "7 8"]);

export interface Sniffed {
  encoding: AudioEncoding;
  /** Constant byte rate; undefined for compressed audio. */
  bytesPerS: number | undefined;
}

/** Undefined for anything that the server cannot read itself (which may still be audio). */
export function sniff(head: Uint8Array): Sniffed | undefined {
  const is = (name: string, at = 0): boolean => ascii(head, at, name.length) === name;
  if (is("fLaC")) return { encoding: "FLAC", bytesPerS: undefined };
  if (is("OggS") && ascii(head, 0, 64).includes("OpusHead")) return { encoding: "OGG_OPUS", bytesPerS: undefined };
  if (is("RIFF") && is("WAVE", 8)) return wave(head);
  return undefined;
}

/** Walks the chunks up to `data`; undefined when they are cut off or hold another format. */
function wave(head: Uint8Array): Sniffed | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  let bytesPerS = 0;
  for (let at = 12; at + 8 <= head.byteLength;) {
    const name = ascii(head, at, 4);
    const length = view.getUint32(at + 4, true);
    const body = at + 8;
    if (name === "fmt " && body + 16 <= head.byteLength) {
      let tag = view.getUint16(body, true);
      if (tag === EXTENSIBLE && body + 26 <= head.byteLength) tag = view.getUint16(body + 24, true);
      bytesPerS = view.getUint32(body + 8, true);
      if (!SERVER_READS.has(`${String(tag)} ${String(view.getUint16(body + 14, true))}`) || bytesPerS === 0)
        return undefined;
    }
    if (name === "data" && bytesPerS) return { encoding: "WAV", bytesPerS };
    at = body + length + (length % 2);
  }
  return undefined;
}

const ascii = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));
