/** What somebody says, at 16 kHz whatever the hardware's rate is. */

import { Emitter } from "../core/emitter.js";
import { AmiraClientError, UnreadableAudioError } from "../core/errors.js";
import type { RecognitionConfig } from "../core/messages.js";
import type { RecognitionStream } from "../core/stream.js";
import type { Captured, CaptureOptions } from "./capture-worklet.js";

const RATE_HZ = 16_000;
const PIECE_S = 0.1;
/** Audio that waits for a server before the stream is given up. */
const MOST_WAITING_S = 60;
/** How long the audio thread may take for its last piece. */
const LAST_PIECE_MS = 1000;

export interface MicrophoneOptions {
  /** Of `navigator.mediaDevices.enumerateDevices()`. */
  deviceId?: string;
  /** What makes calls pleasant makes speech harder to recognize: default off, off, on. */
  echoCancellation?: boolean;
  noiseSuppression?: boolean;
  autoGainControl?: boolean;
  /** Any audio in place of the microphone: a screen's, a call's, an element's. Its tracks are the caller's to stop. */
  media?: MediaStream;
  /** Where `capture-worklet.js` of this package is served, if not beside this module. */
  workletUrl?: string | URL;
}

export interface MicrophoneEvents {
  /** 0.1 s of audio: LINEAR16 at 16 kHz. */
  samples: Int16Array<ArrayBuffer>;
  /** Its loudness: root mean square, full scale is 1. */
  level: number;
  /** No more follows: it was stopped, unplugged, or taken away. */
  end: undefined;
}

export class Microphone extends Emitter<MicrophoneEvents> {
  readonly #media: MediaStream;
  readonly #ownsMedia: boolean;
  readonly #context: AudioContext;
  readonly #node: AudioWorkletNode;
  #stopping = false;
  #over = false;

  /** Asks the person for the microphone and begins to listen. Rejects with UnreadableAudioError. */
  static async open(options: MicrophoneOptions = {}): Promise<Microphone> {
    const media = options.media ?? (await askFor(options));
    try {
      const context = new AudioContext();
      await context.audioWorklet.addModule(options.workletUrl ?? new URL("./capture-worklet.js", import.meta.url));
      const microphone = new Microphone(media, context, options.media === undefined);
      await context.resume();
      return microphone;
    } catch (cause) {
      if (!options.media) stopTracks(media);
      throw new UnreadableAudioError(`The microphone cannot be read: ${messageOf(cause)}`, { cause });
    }
  }

  private constructor(media: MediaStream, context: AudioContext, ownsMedia: boolean) {
    super();
    this.#media = media;
    this.#context = context;
    this.#ownsMedia = ownsMedia;
    const processorOptions: CaptureOptions = { rateHz: RATE_HZ, pieceS: PIECE_S };
    this.#node = new AudioWorkletNode(context, "amira-capture", { numberOfOutputs: 0, processorOptions });
    this.#node.port.onmessage = ({ data }: MessageEvent<Captured>) => {
      if (data === null) this.#finish();
      else {
        this.emit("samples", data.samples);
        this.emit("level", data.level);
      }
    };
    this.#node.onprocessorerror = () => {
      this.#finish();
    };
    context.createMediaStreamSource(media).connect(this.#node);
    for (const track of media.getAudioTracks()) track.addEventListener("ended", () => void this.stop());
  }

  /** For `AmiraClient.stream`. */
  get config(): RecognitionConfig {
    return { encoding: "LINEAR16", sampleRateHz: RATE_HZ };
  }

  /** The rate of the hardware, or of the browser's mixer, in Hz. */
  get deviceRateHz(): number {
    return this.#context.sampleRate;
  }

  /**
   * Sends all that is heard from now on; the stream ends with the microphone, and the microphone with the stream.
   * While a server is lost, what is said waits, for a minute at most.
   */
  pipe(stream: RecognitionStream): void {
    const offSamples = this.on("samples", (samples) => {
      if (stream.queuedS > MOST_WAITING_S) {
        void stream.close(
          new AmiraClientError("The server is too far behind: what was said waits for it.", { reason: "TOO_SLOW" }),
        );
      } else stream.send(samples).catch(() => undefined); // the stream's own end says why
    });
    const offEnd = this.on("end", () => {
      stream.end().catch(() => undefined);
    });
    stream.on("close", () => {
      offSamples();
      offEnd();
      void this.stop();
    });
    if (this.#over) stream.end().catch(() => undefined);
  }

  /** Ends it; settles when the last piece has been given out. */
  async stop(): Promise<void> {
    if (this.#over) return;
    const ended = new Promise<void>((resolve) => this.once("end", resolve));
    if (!this.#stopping) {
      this.#stopping = true;
      if (this.#context.state === "running") {
        this.#node.port.postMessage("stop");
        setTimeout(() => {
          this.#finish();
        }, LAST_PIECE_MS);
      } else this.#finish();
    }
    await ended;
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#node.port.onmessage = null;
    if (this.#ownsMedia) stopTracks(this.#media);
    this.#context.close().catch(() => undefined);
    this.emit("end", undefined);
  }
}

async function askFor(options: MicrophoneOptions): Promise<MediaStream> {
  // Undefined where the page is neither over https nor on localhost.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices?.getUserMedia) {
    throw new UnreadableAudioError("Browsers give a microphone only to pages over https or on localhost.");
  }
  const { deviceId, echoCancellation = false, noiseSuppression = false, autoGainControl = true } = options;
  const audio = {
    channelCount: 1,
    echoCancellation,
    noiseSuppression,
    autoGainControl,
    ...(deviceId && { deviceId: { exact: deviceId } }),
  };
  try {
    return await devices.getUserMedia({ audio });
  } catch (cause) {
    throw new UnreadableAudioError(explain(cause), { cause });
  }
}

const WHY: Record<string, string> = {
  NotAllowedError: "The microphone was not allowed: allow it in the browser's address bar, then start again.",
  NotFoundError: "There is no microphone: plug one in, or send a file.",
  NotReadableError: "Another program uses the microphone: close it, then start again.",
  OverconstrainedError: "There is no microphone with this deviceId.",
};

const explain = (cause: unknown): string =>
  (cause instanceof Error ? WHY[cause.name] : undefined) ?? `The microphone cannot be used: ${messageOf(cause)}`;

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

function stopTracks(media: MediaStream): void {
  for (const track of media.getTracks()) track.stop();
}
