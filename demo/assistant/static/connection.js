/** The WebSocket to the assistant, opened again whenever it is lost. */

const AGAIN_MS = 1500;

export class Connection {
  /** @param {object} on `message(object)`, `audio(number, Int16Array)`, `open()`, `lost()` */
  constructor(on) {
    this._on = on;
    this._connect();
  }

  get open() {
    return this._socket.readyState === WebSocket.OPEN;
  }

  tell(kind, fields = {}) {
    if (this.open) this._socket.send(JSON.stringify({ kind, ...fields }));
  }

  /** @param {Int16Array} samples */
  audio(samples) {
    if (this.open) this._socket.send(samples);
  }

  _connect() {
    const socket = new WebSocket(new URL("conversation", location.href.replace(/^http/, "ws")));
    socket.binaryType = "arraybuffer";
    this._socket = socket;
    socket.onopen = () => this._on.open();
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this._on.message(JSON.parse(data));
      else this._on.audio(new DataView(data).getUint32(0, true), new Int16Array(data, 4));
    };
    socket.onclose = () => {
      this._on.lost();
      setTimeout(() => this._connect(), AGAIN_MS);
    };
  }
}
