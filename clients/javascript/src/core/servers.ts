/** The servers that a client may use: one, or several that can stand in for each other. */

export interface Server {
  /** As the user named it. */
  readonly target: string;
}

/** In the order in which they were given, beginning with the one that served last. */
export class Servers<S extends Server> {
  readonly all: readonly S[];
  #preferred = 0;

  constructor(servers: readonly S[]) {
    if (servers.length === 0) throw new TypeError("no server address is given");
    this.all = servers;
  }

  /** Where new streams go. */
  get preferred(): S {
    return this.#at(this.#preferred);
  }

  /** This one serves. */
  prefer(server: S): void {
    this.#preferred = this.all.indexOf(server);
  }

  /** All, beginning with `first`. */
  inTurn(first: S): S[] {
    const index = this.all.indexOf(first);
    return [...this.all.slice(index), ...this.all.slice(0, index)];
  }

  /** The next one; the same where there is only one. */
  after(server: S): S {
    return this.#at((this.all.indexOf(server) + 1) % this.all.length);
  }

  #at(index: number): S {
    const server = this.all[index];
    if (!server) throw new RangeError(`there is no server ${String(index)}`);
    return server;
  }
}
