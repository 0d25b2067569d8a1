/** The microphone, with the browser's echo cancellation: the assistant must not hear itself. */

const MOST_RATE_HZ = 48_000;
const WORKLET = "/shared/capture-worklet.js";

/** Something that the person can mend. */
export class MicrophoneError extends Error {}

export class Microphone {
  /** Asks for it. Throws MicrophoneError. @param {(samples: Int16Array) => void} take gets 100 ms at a time */
  static async open(take) {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new MicrophoneError("Browsers give a microphone only to pages over https or on localhost. Typing works here, too.");
    }
    let media;
    try {
      const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: true };
      media = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      throw new MicrophoneError(explain(error));
    }
    try {
      let context = new AudioContext();
      if (context.sampleRate > MOST_RATE_HZ) {
        await context.close();
        context = new AudioContext({ sampleRate: MOST_RATE_HZ });
      }
      await context.audioWorklet.addModule(WORKLET);
      return new Microphone(media, context, take);
    } catch (error) {
      for (const track of media.getTracks()) track.stop();
      throw new MicrophoneError(`The microphone cannot be read: ${error.message}`);
    }
  }

  constructor(media, context, take) {
    this._media = media;
    this._context = context;
    this.rateHz = context.sampleRate;
    /** Settles when it is closed, by `close` or because it was unplugged. */
    this.closed = new Promise((resolve) => (this._resolve = resolve));
    const node = new AudioWorkletNode(context, "amira-capture", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => data && take(data);
    context.createMediaStreamSource(media).connect(node);
    media.getTracks()[0].onended = () => this.close();
    context.resume();
  }

  close() {
    for (const track of this._media.getTracks()) track.stop();
    if (this._context.state !== "closed") this._context.close();
    this._resolve();
  }
}

function explain(error) {
  if (error.name === "NotAllowedError") return "The microphone was not allowed: allow it in the browser's address bar, then start again.";
  if (error.name === "NotFoundError") return "There is no microphone: plug one in, or type.";
  if (error.name === "NotReadableError") return "Another program uses the microphone: close it, then start again.";
  return `The microphone cannot be used: ${error.message}`;
}
