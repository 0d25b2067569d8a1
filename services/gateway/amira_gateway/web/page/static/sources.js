/**
 * Where audio comes from. A source has `rateHz` and `start(take, done)`; `take` gets Int16Array pieces of about
 * 100 ms at the pace of speech, `done` is called after the last. `stop()` ends it early: `done` follows.
 */

const FILE_RATE_HZ = 16_000;
const MOST_RATE_HZ = 48_000;
const PIECE_S = 0.1;

/** Something that the person can mend. */
export class SourceError extends Error {}

/** The microphone, at the rate of its hardware. */
export class Microphone {
  /** Asks for the microphone. @param {string} name part of its name; "": the usual one. Throws SourceError. */
  static async open(name = "") {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new SourceError("Browsers give a microphone only to pages over https or on localhost. Files work here, too.");
    }
    let media;
    try {
      // What makes calls pleasant makes speech harder to recognize.
      const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true };
      media = await navigator.mediaDevices.getUserMedia({ audio });
      if (name) media = await another(media, name, audio);
    } catch (error) {
      throw error instanceof SourceError ? error : new SourceError(explain(error));
    }
    try {
      return new Microphone(media, await contextFor());
    } catch (error) {
      for (const track of media.getTracks()) track.stop();
      throw new SourceError(`The microphone cannot be read: ${error.message}`);
    }
  }

  constructor(media, context) {
    this._media = media;
    this._context = context;
    this.rateHz = context.sampleRate;
  }

  start(take, done) {
    this._done = done;
    this._node = new AudioWorkletNode(this._context, "amira-capture", { numberOfOutputs: 0 });
    this._node.port.onmessage = ({ data }) => (data === null ? this._finish() : take(data));
    this._context.createMediaStreamSource(this._media).connect(this._node);
    this._media.getTracks()[0].onended = () => this.stop(); // unplugged, or taken away
    return this._context.resume();
  }

  stop() {
    if (this._node && this._context.state === "running") this._node.port.postMessage("stop");
    else this._finish();
  }

  _finish() {
    for (const track of this._media.getTracks()) track.stop();
    if (this._context.state !== "closed") this._context.close();
    const done = this._done;
    this._done = null;
    done?.();
  }
}

/** Names are told to pages that have a microphone already. */
async function another(media, name, audio) {
  const inputs = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "audioinput");
  const wanted = inputs.find(({ label }) => label.toLowerCase().includes(name.toLowerCase()));
  for (const track of media.getTracks()) track.stop();
  if (wanted) return navigator.mediaDevices.getUserMedia({ audio: { ...audio, deviceId: { exact: wanted.deviceId } } });
  throw new SourceError(`There is no microphone “${name}”: there are ${inputs.map(({ label }) => label).join(", ")}.`);
}

async function contextFor() {
  let context = new AudioContext();
  if (context.sampleRate > MOST_RATE_HZ) {
    await context.close();
    context = new AudioContext({ sampleRate: MOST_RATE_HZ });
  }
  await context.audioWorklet.addModule(new URL("./capture-worklet.js", import.meta.url));
  return context;
}

function explain(error) {
  if (error.name === "NotAllowedError") return "The microphone was not allowed: allow it in the browser's address bar, then start again.";
  if (error.name === "NotFoundError") return "There is no microphone: plug one in, or transcribe a file.";
  if (error.name === "NotReadableError") return "Another program uses the microphone: close it, then start again.";
  return `The microphone cannot be used: ${error.message}`;
}

/** A recording, decoded by the browser and sent at the pace of speech. */
export class Recording {
  /** @param {File} file Throws SourceError. */
  static async open(file) {
    let decoded;
    try {
      const decoder = new OfflineAudioContext(1, 1, FILE_RATE_HZ); // decodes to its own rate
      decoded = await decoder.decodeAudioData(await file.arrayBuffer());
    } catch {
      throw new SourceError(`This browser cannot read “${file.name}” as audio: try WAV, FLAC, MP3, Ogg or MP4.`);
    }
    return new Recording(mono(decoded));
  }

  constructor(samples) {
    this.rateHz = FILE_RATE_HZ;
    this._samples = samples;
    this._sent = 0;
  }

  start(take, done) {
    this._done = done;
    const began = performance.now();
    const step = Math.round(FILE_RATE_HZ * PIECE_S);
    this._timer = setInterval(() => {
      // Timers of hidden pages are slow; the clock says what is due.
      const due = ((performance.now() - began) / 1000) * FILE_RATE_HZ;
      while (this._sent + step <= due || (this._sent < this._samples.length && this._samples.length <= due)) {
        if (this._sent >= this._samples.length) return this.stop();
        take(this._samples.slice(this._sent, this._sent + step));
        this._sent += step;
      }
      if (this._sent >= this._samples.length) this.stop();
    }, PIECE_S * 500);
  }

  stop() {
    clearInterval(this._timer);
    const done = this._done;
    this._done = null;
    done?.();
  }
}

/** @param {AudioBuffer} decoded @returns {Int16Array} all channels as one */
function mono(decoded) {
  const mixed = new Int16Array(decoded.length);
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, i) => decoded.getChannelData(i));
  for (let i = 0; i < decoded.length; i += 1) {
    let sum = 0;
    for (const channel of channels) sum += channel[i];
    mixed[i] = Math.round(Math.max(-1, Math.min(1, sum / channels.length)) * 32767);
  }
  return mixed;
}
