/** A file on the person's disk that has all captions, and more with each final: for programs that read along. */

import { renderCaptions } from "./downloads.js";

export class LiveFile {
  /** Whether this browser lets a page write files. */
  static get offered() {
    return "showSaveFilePicker" in globalThis;
  }

  /** Asks where. Throws AbortError where the person thinks better of it. */
  static async choose() {
    const types = [
      { description: "SubRip", accept: { "application/x-subrip": [".srt"] } },
      { description: "WebVTT", accept: { "text/vtt": [".vtt"] } },
    ];
    return new LiveFile(await showSaveFilePicker({ suggestedName: "captions.srt", types }));
  }

  constructor(handle) {
    this._handle = handle;
    this._format = handle.name.toLowerCase().endsWith(".vtt") ? "vtt" : "srt";
    this._wanted = null;
    this._writing = null;
  }

  get name() {
    return this._handle.name;
  }

  /** Writes all of it: browsers show others a file that is closed, and replace it as a whole. Rejects if that fails. */
  save(captions) {
    this._wanted = captions;
    this._writing ??= this._write().finally(() => {
      this._writing = null;
    });
    return this._writing;
  }

  async _write() {
    while (this._wanted) {
      const text = renderCaptions(this._wanted, this._format);
      this._wanted = null;
      const file = await this._handle.createWritable();
      await file.write(text);
      await file.close();
    }
  }
}
