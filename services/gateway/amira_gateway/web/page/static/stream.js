/**
 * One stream of speech to Amira over its WebSocket, PCM in, messages out.
 *
 * A lost connection is not the end: the stream goes on in another one, at the same session while the server keeps
 * it, else from the last resume point. See docs/WEBSOCKET.md.
 */

import { Unacknowledged } from "./unacknowledged.js";

const PROTOCOL = "amira.asr.v1.json";
const FIRST_DELAY_MS = 150;
const LONGEST_DELAY_MS = 2000;
const CONNECT_MS = 5000;
const FULL_BYTES = 1 << 20; // what waits in the connection; more stays in Unacknowledged, which must hold it anyway
const WAIT_MS = 100;

/** How a stream ended, if not well. `reason`: docs/ERRORS.md; CONNECTION_LOST: no answer at all. */
export class StreamError extends Error {
  constructor(reason, message, retryAfterMs = undefined) {
    super(message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export class SpeechStream {
  /**
   * @param {object} options
   * @param {string | URL} options.url of `/v1/stream`, ws: or wss:
   * @param {object} options.config RecognitionConfig as JSON: PCM of 16 bits, one channel
   * @param {string} [options.key] API key
   * @param {number} [options.tryForMs] how long a lost connection is sought again
   * @param {(message: object) => void} options.onMessage StreamingRecognizeResponse as JSON
   * @param {(lost: boolean) => void} [options.onLost] true: the connection was lost; false: the stream goes on
   */
  constructor({ url, config, key = "", tryForMs = 30_000, onMessage, onLost = () => {} }) {
    this._url = url;
    this._config = config;
    this._protocols = key ? [PROTOCOL, `amira.key.${key}`] : [PROTOCOL];
    this._tryForMs = tryForMs;
    this._onMessage = onMessage;
    this._onLost = onLost;
    this._kept = new Unacknowledged(config.sampleRateHz);
    this._socket = null;
    this._token = "";
    this._lastSequence = "0";
    this._resumePoint = null;
    this._lostAt = null;
    this._delayMs = FIRST_DELAY_MS;
    this._opened = false;
    /** Settles when the stream is over; rejects with StreamError. */
    this.ended = new Promise((resolve, reject) => {
      this._resolve = resolve;
      this._reject = reject;
    });
    this._connect();
  }

  /** @param {Int16Array} samples the audio that follows; taken over. While the connection is lost it is kept. */
  send(samples) {
    this._kept.audio(samples);
    this._pump();
  }

  /** No audio follows: the last final comes, then `ended` settles. */
  end() {
    this._kept.control({ endOfAudio: {} });
    this._pump();
  }

  /** What is left is not wanted any more. */
  abandon() {
    if (this._socket?.readyState === WebSocket.OPEN) {
      this._socket.send(JSON.stringify({ control: { abandon: {} } }));
    }
    this._finish(new StreamError("STREAM_ABANDONED", "The stream was given up."));
  }

  _connect() {
    const socket = new WebSocket(this._url, this._protocols);
    socket.binaryType = "arraybuffer";
    this._socket = socket;
    this._ready = false;
    // An address that swallows packets would otherwise hold the stream for minutes.
    const limit = setTimeout(() => socket.close(), CONNECT_MS);
    socket.onopen = () => {
      clearTimeout(limit);
      this._opened = true;
      this._begin();
    };
    socket.onmessage = ({ data }) => this._socket === socket && this._take(JSON.parse(data));
    socket.onclose = () => {
      clearTimeout(limit);
      if (this._socket === socket) this._lose();
    };
  }

  _begin() {
    if (this._token) {
      this._send({ resume: { token: this._token, lastSequence: this._lastSequence } });
      return; // the answer says from where audio is wanted
    }
    this._lastSequence = "0";
    const start = { config: this._config, resumable: true };
    if (this._resumePoint) start.resumePoint = this._resumePoint;
    this._send(start);
    if (!this._kept.rewind(Number(this._resumePoint?.audioOffset ?? 0))) {
      this._finish(new StreamError("SESSION_LOST", "The connection was lost for too long: what was said is shown, start again."));
      return;
    }
    this._goOn();
  }

  _take(message) {
    if (message.status) {
      this._close(message.status);
      return;
    }
    if (message.sequence) this._lastSequence = message.sequence;
    if (message.session) this._greet(message.session);
    if (message.resumePoint) {
      this._resumePoint = message.resumePoint;
      this._kept.forget(Number(message.resumePoint.audioOffset ?? 0));
    }
    this._delayMs = FIRST_DELAY_MS;
    this._restored();
    this._onMessage(message);
  }

  _greet(session) {
    if (session.resumeToken) this._token = session.resumeToken;
    if (this._ready) return; // the answer to `config`: audio is on its way already
    const offset = Number(session.resumeOffset ?? 0);
    if (this._kept.rewind(offset, Number(session.resumeControls ?? 0))) this._goOn();
    else this._finish(new StreamError("SESSION_LOST", "The connection was lost for too long: start again."));
  }

  _goOn() {
    this._ready = true;
    this._pump();
  }

  _pump() {
    if (!this._ready || this._socket.readyState !== WebSocket.OPEN) return;
    while (this._socket.bufferedAmount < FULL_BYTES) {
      const item = this._kept.next();
      if (item === null) return;
      if (item.control) this._send({ control: item.control });
      else this._socket.send(item.samples);
    }
    this._waiting ??= setTimeout(() => {
      this._waiting = undefined;
      this._pump();
    }, WAIT_MS);
  }

  _send(message) {
    this._socket.send(JSON.stringify(message));
  }

  _close(status) {
    if (status.code === "OK") this._finish(null);
    else if (status.reason === "SESSION_LOST" && this._token) {
      this._token = ""; // the server that kept the session is gone: begin again from the resume point
      this._lose();
    } else if (status.code === "UNAVAILABLE") this._lose();
    else if (this._lostAt !== null && status.code === "RESOURCE_EXHAUSTED") this._lose();
    else this._finish(new StreamError(status.reason, status.message ?? status.code, status.retryAfterMs));
  }

  _lose() {
    this._discard();
    if (this._lostAt === null) {
      this._lostAt = performance.now();
      if (this._opened) this._onLost(true);
    }
    // One that never began is rather refused or a wrong address than lost.
    if (!this._opened || performance.now() - this._lostAt > this._tryForMs) {
      this._finish(new StreamError("CONNECTION_LOST", "The server cannot be reached."));
      return;
    }
    const delayMs = this._delayMs * (0.5 + Math.random());
    this._delayMs = Math.min(this._delayMs * 2, LONGEST_DELAY_MS);
    this._again = setTimeout(() => this._connect(), delayMs);
  }

  _restored() {
    if (this._lostAt === null) return;
    this._lostAt = null;
    this._onLost(false);
  }

  _discard() {
    const socket = this._socket;
    this._socket = null;
    this._ready = false;
    socket?.close();
  }

  _finish(error) {
    clearTimeout(this._again);
    this._discard();
    if (error === null) this._resolve();
    else this._reject(error);
  }
}
