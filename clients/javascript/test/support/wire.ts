/** A TCP proxy whose connections can be cut, as those of a phone that goes through a tunnel. */

import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export class Wire {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => {
    const far = connect(this.#port, "127.0.0.1");
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  #port = 0;
  target = "";

  /** In front of a port of this machine. */
  static async to(port: number): Promise<Wire> {
    const wire = new Wire();
    wire.#port = port;
    await new Promise<void>((resolve) => wire.#server.listen(0, "127.0.0.1", resolve));
    wire.target = `127.0.0.1:${String((wire.#server.address() as AddressInfo).port)}`;
    return wire;
  }

  /** Ends all connections without a word. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
