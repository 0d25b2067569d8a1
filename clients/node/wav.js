// Reads the samples of 16-bit mono WAV files, piece by piece.
import { fstatSync, openSync, readSync } from "node:fs";

const PCM = 1;
const EXTENSIBLE = 0xfffe; // the real format is then the first two bytes of the sub-format, at byte 24

/** An open WAV file. Throws an Error that says what is wrong with it. */
export class Wav {
  #file;
  #rest; // bytes of the file not yet read
  #left = 0; // bytes of samples not yet read

  constructor(path) {
    this.#file = openSync(path);
    this.#rest = fstatSync(this.#file).size;
    const riff = this.#read(12);
    if (riff.toString("latin1", 0, 4) !== "RIFF" || riff.toString("latin1", 8) !== "WAVE") {
      throw new Error(`${path} is not a WAV file`);
    }
    for (;;) {
      const header = this.#read(8);
      if (header.length < 8) throw new Error(`${path} has no samples: its data chunk is missing`);
      const [id, size] = [header.toString("latin1", 0, 4), header.readUInt32LE(4)];
      if (id === "data") {
        this.#left = size;
        break;
      }
      const content = this.#read(size + (size % 2)); // chunks begin at even places
      if (id === "fmt ") this.sampleRateHz = sampleRateOf(content, path);
    }
    if (!this.sampleRateHz) throw new Error(`${path} does not say its format before its samples`);
  }

  /** Yields pieces of `ms` milliseconds; the last one may be shorter. */
  *pieces(ms) {
    const size = 2 * Math.floor((this.sampleRateHz * ms) / 1000);
    for (;;) {
      const piece = this.#read(Math.min(size, this.#left));
      this.#left -= piece.length;
      if (piece.length < 2) return;
      yield piece.subarray(0, piece.length & ~1); // a file that was cut off may end within a sample
    }
  }

  /** The next `size` bytes; fewer where the file ends. */
  #read(size) {
    const buffer = Buffer.alloc(Math.min(size, this.#rest));
    this.#rest -= buffer.length;
    return buffer.subarray(0, readSync(this.#file, buffer));
  }
}

function sampleRateOf(format, path) {
  const is = (at, value) => format.length >= at + 2 && format.readUInt16LE(at) === value;
  const pcm = is(0, PCM) || (is(0, EXTENSIBLE) && is(24, PCM));
  if (!pcm || !is(2, 1) || !is(14, 16)) {
    throw new Error(`${path} is not 16-bit mono PCM: convert it with sox or ffmpeg`);
  }
  const rateHz = format.readInt32LE(4);
  if (rateHz <= 0) throw new Error(`${path} names a sample rate that cannot be`);
  return rateHz;
}
